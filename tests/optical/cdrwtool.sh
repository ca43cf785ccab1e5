#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-quick: yes
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 100
#
# cdrwtool as it is, which works on the drive itself, before and beside the packet device.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 29
said=$RBLK_SCRATCH/said

# tool OPTIONS: what it says is in $said, too.
tool() {
	echo | timeout "$(patience 60)" cdrwtool -d "$sr" "$@" 2>&1 | tee "$said"
	[ "${PIPESTATUS[1]}" = 0 ]
}

fresh 0
check "cdrwtool -i" tool -i
check "it is erasable" grep -q 'erasable : Yes' "$said"
check "of the type of a CD-RW" grep -q 'disc type = 32' "$said"
check "with fixed packets" grep -q 'packet_size = 32' "$said"
check "cdrwtool -g" tool -g
check "the drive is at its defaults" grep -q 'variable packets' "$said"
check_equal "the packet device sets the drive up" ok "$(disk "$node" rw write:0:65536:a)"
check "cdrwtool -g after that" tool -g
check "it sees fixed packets" grep -q 'fixed packets' "$said"
check "of their size" grep -q 'packet size.*32' "$said"

check "cdrwtool -b fast" tool -b fast
check_equal "a blank disc is not opened for writing" EROFS "$(disk "$node" rw)"
check_equal "the tray is unlocked" 0 "$(get locked)"
check "cdrwtool -m" tool -m 8192
check_equal "a formatted one is" "ok ok" "$(disk "$node" rw write:0:2048:b fsync)"
check_equal "it has the size it was formatted to" "rc=0" \
	"$(disk "$node" ro "run:test \$(cat /sys/block/$name/size) = $((8192 * 4))")"

# All of that, and a file system.
check "cdrwtool -q" tool -q
check_equal "the file system is recognised" udf "$(timeout "$(patience 10)" blkid -p -o value -s TYPE "$node")"
order reset-stats
check "it is mounted and filled" mounted "$node" rw keeps "$RBLK_SCRATCH/sums" cp -r "$top/scripts" "$MNT/"
check "it is whole after a fresh mount" mounted "$node" ro same "$RBLK_SCRATCH/sums"
check "the drive is pleased" faultless

# Beside a packet device in use.
beside() {
	mounted "$node" rw sh -c "echo | timeout $(patience 60) cdrwtool -d $sr -i && cp -r $top/rust $MNT/ && sync -f $MNT"
}
check "cdrwtool -i while it is mounted" beside
check_equal "leaves nothing behind" "0 0" "$(get locked) $(get cache)"
check "cdrwtool on a packet device fails" sh -c "! cdrwtool -d $node -i"
check "so does blanking one" sh -c "! cdrwtool -d $node -b fast"
check "that does no harm" mounted "$node" ro test -e "$MNT/scripts/vm"
check "with a write speed" tool -t 4 -i
check_equal "the packet device works after all that" "ok ok" "$(disk "$node" rw write:0:2048:c check:0:2048:c)"
check "the drive still is pleased" faultless
clean_up
ktap_finished
