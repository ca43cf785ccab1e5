#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 180
#
# A disc, or a drive, that goes while the packet device is open.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 47
ctl="bash -c '. tests/lib/drive.sh; drive_ctl"
# Tenths of seconds that something may take.
times=$(seq -s ' ' "$(patience 200)")

for n in 0 2; do
	media=${ALL_DRIVES[$n]}
	fresh $n "$media,blocks=4096"
	# It becomes so by itself, as does one that is gone below.
	empty="for i in $times; do read size </sys/block/$name/size; test \$size != 0 || exit 0; sleep 0.1; done; exit 1"
	# Another disc, that differs in size, takes the place of the one that is open. Once that is
	# known there is nothing to read.
	check_equal "drive $n: G24: IO to another disc fails" "ok ok rc=0 EIO EIO rc=0" \
		"$(disk "$node" rw write:0:131072:a fsync \
			"run:$ctl @$n insert $media,blocks=8192 && drive_ctl @$n reset-stats'" \
			write:262144:2048:b read:262144:2048 \
			"run:$empty" | sed s/short:0/EIO/)"
	check_equal "drive $n: G24: nothing is written there" 0 "$(get writes)"
	check_equal "drive $n: G24: the next open has the size of the new disc" "rc=0 ok ok ok" \
		"$(disk "$node" rw "run:test \$(cat /sys/block/$name/size) = 32768" \
			write:0:2048:c fsync check:0:2048:c)"
	check_equal "drive $n: G24: what is queued for a disc does not reach another" "rc=0 ok EIO EIO" \
		"$(disk "$node" rw-cached "run:$ctl @$n fault op=write skip=2 count=1 act=eject'" \
			write:0:1048576:d fsync fsync | sed 's/EIO ok$/EIO EIO/')"
	check_equal "drive $n: the close of a disc that is gone succeeds" 0 "$(get locked)"
	order fault clear
	order insert none >/dev/null
	check_equal "drive $n: no medium" ENOMEDIUM "$(disk "$node" ro)"
	check_equal "drive $n: nor for writing" ENOMEDIUM "$(disk "$node" rw)"
	order insert "$media,blocks=4096" >/dev/null
	check_equal "drive $n: a disc is back" "ok ok" "$(disk "$node" rw write:0:2048:e fsync)"

	# A disc that has a number, and another of the same size: only the number tells them apart.
	order insert "$media,blocks=4096,id=cafe0001" >/dev/null
	check_equal "drive $n: G24: IO to another disc of the same size fails" "ok ok rc=0 EIO EIO" \
		"$(disk "$node" rw write:0:131072:f fsync \
			"run:$ctl @$n insert $media,blocks=4096,id=cafe0002 && drive_ctl @$n reset-stats'" \
			write:262144:2048:g read:262144:2048 | sed s/short:0/EIO/)"
	check_equal "drive $n: G24: nothing is written there, either" 0 "$(get writes)"
	check_equal "drive $n: a disc that has the number of the one before is that disc" "ok ok rc=0 ok ok" \
		"$(disk "$node" rw write:0:131072:h fsync \
			"run:$ctl @$n insert $media,blocks=4096,id=cafe0002'" write:262144:2048:i check:262144:2048:i)"
	check "drive $n: unmapping works" unmap "$name"
done

# The drive itself goes.
fresh 1 dvd+rw,blocks=4096
start=$SECONDS
no_more="for i in $times; do test -e /sys/block/${sr##*/} || exit 0; sleep 0.1; done; exit 1"
check_equal "G23: IO to a drive that is gone fails" "ok rc=0 EIO EIO" \
	"$(disk "$node" rw write:0:131072:a "run:$ctl @1 unplug'; $no_more" write:262144:2048:b fsync | sed s/ENOSPC/EIO/)"
check "G23: at once" test $((SECONDS - start)) -lt "$(patience 60)"
check_equal "G23: it cannot be opened" ENXIO "$(disk "$node" ro)"
check "G23: nor does it hold up removal" sh -c "[ -z '$(packet_number "$name")' ] || . tests/lib/ktap.sh; \
	write_to $PKT/remove '$(packet_number "$name")'"
order plug >/dev/null
check "G23: the drive is back" within 20 drive_is_there 1
fresh 1 dvd+rw,blocks=4096
check_equal "G23: and can be mapped anew" "ok ok" "$(disk "$node" rw write:0:2048:f fsync)"

# A drive that does not answer holds up itself, and nothing else.
fresh 1 dvd+rw,blocks=4096
other=$(map "$(drive_sr 2)")
order fault op=write act=hang
disk_beside "$node" rw write:0:65536:h >"$RBLK_SCRATCH/hung" &
hangs() { [ "$(get faults)" = 1 ]; }
check "a drive hangs" within 20 hangs
check_equal "G8: a drive that hangs does not hold up another" "ok ok ok" \
	"$(disk "$(node "$other")" rw write:0:2048:o fsync check:0:2048:o)"
start=$SECONDS
check "G8: another can be unmapped" unmap "$other"
other=$(map "$(drive_sr 2)")
check "G8: and mapped" test -n "$other"
check "G8: the map can be read" grep -q "$name" $PKT/device_map
check "G8: the counters, too" cat "$PKT/$name/stat/errors"
check_equal "G8: the one that hangs stays mapped" EBUSY "$(errno_of $PKT/remove "$(packet_number "$name")")"
check "G8: all that at once" test $((SECONDS - start)) -lt "$(patience 20)"
disk_beside "$node" ro >"$RBLK_SCRATCH/opened" &
check "G8: who opens it to read does not wait for it" within 20 grep -qx ok "$RBLK_SCRATCH/opened"
order release >/dev/null
wait
check_equal "G8: then the write is done" ok "$(cat "$RBLK_SCRATCH/hung")"
order fault op=0x35 act=hang
start=$SECONDS
check_equal "a close does not wait for ever for a drive that hangs" ok "$(disk "$node" rw write:0:65536:i)"
check "it waits some time" test $((SECONDS - start)) -lt "$(patience 90)"
check_equal "meanwhile it cannot be opened" EBUSY "$(disk "$node" ro)"
order release >/dev/null
check "G8: when the drive answers, it goes on" within 30 sh -c "python3 tests/optical/lib/disk.py $node ro | grep -qx ok"
check_equal "the data is there" ok "$(disk "$node" ro check:0:65536:i)"
check "it can be unmapped" unmap "$name"
check "so can the other" unmap "$other"
ktap_finished
