# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# RAM disks for tests. Sourced after tests/lib/ktap.sh.

CLASS=/sys/class/rblk-ram

# A kernel full of checks is several times slower: less of the same there.
on_debug() {
	[ -e /sys/kernel/debug/kmemleak ]
}

# new_disk OPTIONS: adds a disk and prints its name.
new_disk() {
	write_to "$CLASS/add" "$*" && awk 'END { print $1 }' "$CLASS/device_map"
}

# attribute DISK NAME: prints the attribute.
attribute() {
	cat "/sys/block/$1/ram/$2"
}

remove_disk() {
	write_to "$CLASS/remove" "$1"
}

remove_all_disks() {
	awk '{ print $1 }' "$CLASS/device_map" | while read -r _disk; do
		remove_disk "$_disk"
	done
	[ -z "$(cat "$CLASS/device_map")" ]
}

# pattern FILE BYTES: random bytes.
pattern() {
	head -c "$2" /dev/urandom >"$1"
}

# What the kernel could use without hurting anybody, in KiB.
free_kib() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemFree:/ { print $2 }' /proc/meminfo
}

no_oom_kill() {
	! dmesg | grep -qiE 'out of memory|oom-kill|oom_reaper'
}
