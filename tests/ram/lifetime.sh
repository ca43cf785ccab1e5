#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 180
# rblk-leaks: yes
#
# Disks come and go under I/O, and the module goes when nobody uses it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

here=$(dirname "$0")

ktap_plan 18
remove_all_disks
module_gone() {
	[ ! -e /sys/module/rblk ] && [ ! -e "$CLASS" ] && ! compgen -G '/sys/block/rram*' &&
		! compgen -G '/dev/rram*'
}

disk=$(new_disk size=1M)
exec 3<"/dev/$disk"
check_fails "the module stays while a disk is open" rmmod rblk
check_equal "so does the disk" EBUSY "$(errno_of "$CLASS/remove" "$disk")"
check "which still works" dd if=/dev/zero "of=/dev/$disk" bs=64k count=1 oflag=direct
exec 3<&-
exec 3<"$CLASS/device_map"
check "an open attribute holds nothing" rmmod rblk
exec 3<&-
check "nothing is left" module_gone
check "the module comes back" modprobe rblk

# Parameters.
rmmod rblk
check_fails "no size" modprobe rblk ram_nr=1 ram_size=0
check_fails "too large a size" modprobe rblk ram_nr=1 ram_size=18014398509481983
check_fails "too many disks" modprobe rblk ram_nr=4294967295
check_fails "a number that is none" modprobe rblk ram_nr=-1
check "nothing is left of these" module_gone
check "disks at load" modprobe rblk ram_nr=3 ram_size=4096
check_equal "three of 4 MiB" "rram0 4194304 rram1 4194304 rram2 4194304 " \
	"$(awk '{ printf "%s %s ", $1, $3 }' "$CLASS/device_map")"
check_equal "the parameters show" "3 4096" \
	"$(cat /sys/module/rblk/parameters/ram_nr) $(cat /sys/module/rblk/parameters/ram_size)"
check "they go with the module" rmmod rblk
modprobe rblk

# A writer that opens what it finds, while disks come and go.
churn() {
	local i disk error end pid
	while [ ! -e "$RBLK_SCRATCH/stop" ]; do
		for disk in /dev/rram*; do
			dd if=/dev/zero of="$disk" bs=64k count=4 conv=nocreat,notrunc \
				2>/dev/null
		done
	done &
	pid=$!
	end=$((SECONDS + $(patience 60)))
	for ((i = 0; i < times; i++)); do
		disk=$(new_disk "size=1M front=$([ $((i % 3)) = 0 ] && echo mq || echo bio)") || break
		dd if=/dev/zero "of=/dev/$disk" bs=64k count=2 oflag=direct 2>/dev/null || break
		# Busy while the other has it open; nothing else is a reason.
		until error=$(remove_disk "$disk" 2>&1); do
			[[ $error == *': Device or resource busy' ]] || break 2
			[ "$SECONDS" -lt "$end" ] || break 2
		done
		[ ! -e "/sys/block/$disk" ] || break
	done
	: >"$RBLK_SCRATCH/stop"
	wait "$pid"
	[ "$i" = "$times" ] || { echo "disk $((i + 1)): $disk: $error"; return 1; }
}
times=40
check "$times disks come and go under I/O" churn
check_equal "none is left" "" "$(cat "$CLASS/device_map")"
check "one name, four writers" "$here/lib/race.py" race 15
ktap_finished
