#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 180
#
# A drive that fails: whoever is concerned gets the error, nobody else does, and the device goes on.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 71
# The same on a drive that takes turns with a flush between, and on one that does not.
discs=('cdrw,blocks=4096' '' 'dvd+rw,strict,blocks=4096')
for n in 0 2; do
	fresh $n "${discs[$n]}"
	disk "$node" rw write:0:1048576:old fsync >"$RBLK_SCRATCH/fresh"
	check_equal "drive $n: it works" "ok ok" "$(cat "$RBLK_SCRATCH/fresh")"

	# The kernel tries a failed write four times.
	order fault op=write lba=64-95 act=sense:3/0c/00 count=5
	check_equal "drive $n: G30: a write that fails is repeated" "ok ok ok" \
		"$(disk "$node" rw write:131072:2048:new check:131072:2048:new fsync)"
	order fault op=write lba=64-95 act=sense:3/0c/00 count=inf
	check_equal "drive $n: G30: one that fails again is an error" "EIO ok ok" \
		"$(disk "$node" rw write:133120:2048:new write:0:2048:new fsync)"
	check_equal "drive $n: what was there before still is" ok "$(disk "$node" ro check:133120:2048:old)"
	order fault clear
	check_equal "drive $n: then it works again" "ok ok ok" \
		"$(disk "$node" rw write:133120:2048:new fsync check:133120:2048:new)"

	order fault op=read lba=128-159 act=sense:3/11/00 count=inf
	check_equal "drive $n: G4: a missing frame that cannot be read is an error" "ENODATA ok ok" \
		"$(disk "$node" rw write:262144:2048:new write:0:2048:new2 fsync)"
	check_equal "drive $n: a packet that needs no frame is written" "ok ok" \
		"$(disk "$node" rw write:262144:65536:new fsync)"
	check_equal "drive $n: a read that fails is an error" ENODATA "$(disk "$node" ro read:262144:2048)"
	order fault clear
	check_equal "drive $n: then it can be read" ok "$(disk "$node" ro check:262144:65536:new)"

	order fault op=read lba=128-159 act=sense:6/29/00
	check_equal "drive $n: a read that is the first to learn of a reset is repeated" ok \
		"$(disk "$node" ro check:262144:65536:new)"
	order fault op=read lba=192-223 act=sense:6/29/00
	check_equal "drive $n: so is one of missing frames" "ok ok ok" \
		"$(disk "$node" rw write:393216:2048:new fsync check:395264:2048:old)"
	# What it takes to find out that the disc is the same does not get through.
	check_equal "drive $n: it may take a drive some time to say that" "rc=0 ok" \
		"$(disk "$node" ro "run:bash -c '. tests/lib/drive.sh
			drive_ctl @$n fault op=read lba=192-223 act=sense:6/29/00
			drive_ctl @$n fault op=0x46 act=transport:9 count=12'" check:395264:2048:old)"
	order fault clear

	order reset-stats
	order fault op=0x35 act=sense:3/0c/00
	check_equal "drive $n: G29: what a drive could not keep is written again" "ok ok" \
		"$(disk "$node" rw write:524288:131072:new fsync)"
	check "drive $n: that is, twice" test "$(get writes)" -ge $((n == 0 ? 4 : 8))
	order fault op=0x35 act=sense:3/0c/00 count=inf
	check_equal "drive $n: G5: a flush that fails is an error" "ok EIO" \
		"$(disk "$node" rw write:524288:2048:new2 fsync)"
	order fault clear
	check_equal "drive $n: then it works" "ok ok" "$(disk "$node" rw write:524288:2048:new2 fsync)"

	# Four tries are the kernel's.
	order fault op=0x35 act=transport:9 count=4
	check_equal "drive $n: G5: a flush that does not get through is none" "ok ok" \
		"$(disk "$node" rw write:524288:131072:new fsync)"
	check "drive $n: it is sent again" test "$(get syncs)" -gt 0
	order fault op=0x35 act=transport:9 count=inf
	check_equal "drive $n: G5: a flush that never does is an error" "ok EIO" \
		"$(disk "$node" rw write:524288:2048:new2 fsync)"
	order fault clear
	check_equal "drive $n: after which it works" "ok ok" "$(disk "$node" rw write:524288:2048:new2 fsync)"

	order fault op=0x35 act=sense:4/44/00
	check_equal "drive $n: what is in no buffer any more cannot be written again" \
		"ok ok EIO ok ok" \
		"$(disk "$node" rw write:0:1048576:new write:2097152:1048576:new fsync write:0:2048:new fsync)"
	order fault clear

	# The drive forgets what it has cached, and how to write.
	order set cache=32
	check_equal "drive $n: G29: nothing is lost with the power of the drive" "ok rc=0 ok" \
		"$(disk "$node" rw write:1048576:131072:power \
			"run:bash -c '. tests/lib/drive.sh; drive_ctl @$n powercut'" fsync)"
	check_equal "drive $n: all is on the medium" "ok" "$(disk "$node" ro check:1048576:131072:power)"
	# Somebody else is told of the reset, and nobody else is.
	powercut="bash -c \". tests/lib/drive.sh; drive_ctl @$n powercut\" >&2"
	check_equal "drive $n: nor if somebody else is told of it" "ok rc=0 ok" \
		"$(disk "$node" rw write:2097152:131072:told \
			"run:python3 tests/optical/lib/sg.py $sr 000000000000 '$powercut' | grep -q ^6/29/00.*ok" fsync)"
	check_equal "drive $n: all of that is on the medium" "ok" "$(disk "$node" ro check:2097152:131072:told)"
	# A flush that a program has asked for fails: the driver's own one works then.
	order fault op=0x35 act=sense:3/0c/00
	order reset-stats
	check_equal "drive $n: an error of the cache that a program was told of" "ok EIO ok" \
		"$(disk "$node" rw write:524288:131072:flush packet:35000000000000000000 fsync)"
	check "drive $n: has all written again" test "$(get writes)" -ge $((n == 0 ? 4 : 8))
	order fault clear
	check_equal "drive $n: the tray is unlocked" 0 "$(get locked)"
	check_equal "drive $n: nothing was refused" 0 "$(get writes_rejected)"
	check_equal "drive $n: nothing was written in part" 0 "$(get writes_partial)"
	check "drive $n: unmapping works" unmap "$name"
done
# Drives that take turns flush before they read, and nobody has asked for that. Twice: what a drive
# could not keep is written again.
for n in 0 1; do
	media=${ALL_DRIVES[$n]}
	fresh $n "$media,blocks=4096"
	order fault op=0x35 act=sense:4/44/00 count=2
	check_equal "$media: G29: an error of a flush that nobody has asked for is one of the next fsync" "ok ok EIO ok" \
		"$(disk "$node" rw write:524288:2048:x read:2097152:2048 fsync fsync)"
	check_equal "$media: it was that flush" 0 "$(order fault list | wc -l)"
	order fault op=0x35 act=sense:4/44/00
	check_equal "$media: one that works when it is repeated is none" "ok ok ok" \
		"$(disk "$node" rw write:524288:2048:y read:2097152:2048 fsync)"
	check_equal "$media: and the data is there" ok "$(disk "$node" ro check:524288:2048:y)"
done
clean_up
check_equal "no packet is left" "" "$(cat $PKT/device_map)"
ktap_finished
