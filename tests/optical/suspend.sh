#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-args: --drive cdrw,blocks=4096 --drive dvd+rw,blocks=4096
# rblk-timeout: 300
#
# G26: the system sleeps while a disc is written.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

[ -w /sys/power/pm_test ] || ktap_skip_all "the kernel cannot try to sleep"
ktap_plan 13

# Everything but the hardware goes to sleep, for five seconds.
sleep_now="echo freezer >/sys/power/pm_test && echo freeze >/sys/power/state"
for n in 0 1; do
	fresh $n
	order reset-stats
	check_equal "drive $n: what was written before is on the disc" "ok rc=0 rc=0" \
		"$(disk "$node" rw write:2048:2048:a "run:$sleep_now" \
			"run:bash -c '. tests/lib/drive.sh; test \$(drive_get @$n syncs) -ge 1'")"
	check_equal "drive $n: and can be read" "ok" "$(disk "$node" ro check:2048:2048:a)"
	check_equal "drive $n: what comes after is written" "rc=0 ok ok ok" \
		"$(disk "$node" rw "run:$sleep_now" write:65536:131072:b fsync check:65536:131072:b)"
	# shellcheck disable=SC2046 # an order each
	disk "$node" rw $(seq -f 'write:%.0f:65536:c' 0 65536 3932160) fsync >"$RBLK_SCRATCH/out" &
	sleep 0.5
	check "drive $n: sleep while it is written" sh -c "$sleep_now"
	wait
	check_equal "drive $n: nobody notices" "" "$(tr -d 'ok ' <"$RBLK_SCRATCH/out")"
	# The disc is changed when the system has gone to sleep.
	order fault op=0x35 act=eject
	check_equal "drive $n: another disc is not written" "ok rc=0 EIO EIO" \
		"$(disk "$node" rw write:2048:2048:d "run:$sleep_now" write:0:65536:d fsync |
			sed s/ENOSPC/EIO/)"
	order fault clear
done
check "nothing is left" clean_up
ktap_finished
