#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 180
#
# G26: the system sleeps while a disc is written.
#
# "freezer" is as far as it goes here: all tasks are frozen, but no device is, since the guest's root is
# on 9p over virtio, a driver that does not bring its device back. hibernate.sh has the rest.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"
# shellcheck source=tests/optical/lib/amid.sh
. "$(dirname "$0")/lib/amid.sh"

[ -w /sys/power/pm_test ] || ktap_skip_all "the kernel cannot try to sleep"
ktap_plan 33

# Everything but the hardware goes to sleep, and wakes at once.
echo 0 >/sys/module/suspend/parameters/pm_test_delay
sleep_now="echo freezer >/sys/power/pm_test && echo freeze >/sys/power/state"
begun=$RBLK_SCRATCH/begun done=$RBLK_SCRATCH/done written=$RBLK_SCRATCH/written
writes=62

# The system sleeps while a disc is written: that is so if there was more to write when it was awake
# again. The slower the drive, the longer it takes; someone who waits for a write does not sleep.
sleeps_amid_writes() {
	local ms asleep
	for ms in 50 100 200 400; do
		order set slow="$ms"
		rm -f "$begun" "$done"
		# shellcheck disable=SC2046 # an order each
		disk_beside "$node" rw write:0:65536:c "touch:$begun" \
			$(seq -f 'write:%.0f:65536:c' 65536 65536 $(((writes - 1) * 65536))) \
			"touch:$done" fsync >"$written" &
		within 30 test -e "$begun" || return
		sh -c "$sleep_now" || return
		asleep=1
		[ ! -e "$done" ] || asleep=0
		wait
		[ "$asleep" = 0 ] || return 0
	done
	echo "the writes never took long enough"
	return 1
}

for n in 0 2; do
	media=${ALL_DRIVES[$n]}
	fresh $n "$media,blocks=4096"
	order reset-stats
	check_equal "$media: what was written before is on the disc" "ok rc=0 rc=0" \
		"$(disk "$node" rw write:2048:2048:a "run:$sleep_now" \
			"run:bash -c '. tests/lib/drive.sh; test \$(drive_get @$n cache) = 0'")"
	check_equal "$media: and can be read" "ok" "$(disk "$node" ro check:2048:2048:a)"
	check_equal "$media: what comes after is written" "rc=0 ok ok ok" \
		"$(disk "$node" rw "run:$sleep_now" write:65536:131072:b fsync check:65536:131072:b)"

	check "$media: sleep while it is written" sleeps_amid_writes
	check_equal "$media: nobody notices" "$(oks $((writes + 3)))" "$(cat "$written")"
	order set slow=0
	check_equal "$media: all is there" ok "$(disk "$node" ro check:0:$((writes * 65536)):c)"

	# A disc that is changed while the system sleeps. One time the drive tells of it, the other time
	# it does not know; then only the number of the disc has changed.
	order fault op=0x35 act=eject
	check_equal "$media: another disc is not written" "ok rc=0 EIO EIO" \
		"$(disk "$node" rw write:2048:2048:d "run:$sleep_now" write:0:65536:d fsync |
			sed s/ENOSPC/EIO/)"
	order fault clear
	order insert "$media,blocks=4096,id=cafe0001" >/dev/null
	order spare "$media,blocks=4096,id=cafe0002" >/dev/null
	order fault op=0x35 act=exchange
	order reset-stats
	check_equal "$media: nor one of which the drive does not tell" "ok rc=0 EIO EIO" \
		"$(disk "$node" rw write:2048:2048:e "run:$sleep_now" write:0:65536:e fsync |
			sed s/ENOSPC/EIO/)"
	check_equal "$media: it was another" "" "$(order fault list)"
	check_equal "$media: on which nothing was written" 1 "$(get writes)"
	clean_up
done

# In the midst of reads, direct writes, and buffered writes with an fsync each, on a slow drive.
for n in 0 3; do
	media=${ALL_DRIVES[$n]}
	fresh $n "$media,blocks=16384"
	order set slow=20
	check_equal "$media: sleep amid reads, writes and flushes" "0 ok ok ok" "$(amid "$sleep_now" "$node")"
	# The time is over before the first task is frozen, or while the drive is asked.
	order set slow=100
	for ms in 1 50; do
		echo $ms >/sys/power/pm_freeze_timeout
		check_equal "$media: a sleep that is called off within $ms ms" "ok ok ok" \
			"$(amid "$sleep_now" "$node" | cut -d ' ' -f 2-)"
	done
	echo 20000 >/sys/power/pm_freeze_timeout
	order set slow=20
	check_equal "$media: the next one is none the worse" "0 ok ok ok" "$(amid "$sleep_now" "$node")"
	order set slow=0
done
check_equal "with file systems frozen" "0 ok ok ok unmounted 0" "$(amid_frozen "$node" "$sleep_now")"

# A session that lingers ends before the system sleeps.
fresh 2 dvd+rw,strict,blocks=4096,state=running
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
check_equal "a session lingers" lingering "$(cat "$PKT/$name/session")"
check "the system sleeps" sh -c "$sleep_now"
check_equal "the disc was closed before" "none 1" "$(cat "$PKT/$name/session") $(get bgformat)"
echo 5 >/sys/module/suspend/parameters/pm_test_delay
check "nothing is left" clean_up
ktap_finished
