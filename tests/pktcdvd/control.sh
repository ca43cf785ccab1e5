#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# The control device: its ioctl, and pktsetup as it is.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 49
clean_up
ram=$(new_ram size=4M)
lower=$(number "$ram")
major=$(awk '$2 == "pktcdvd" { print $1 }' /proc/devices)
control=$LIB/control.py

# expect TITLE WANTED COMMAND ARGS...
expect() {
	local title=$1 wanted=$2
	shift 2
	check_equal "$title" "$wanted" "$("$control" "$@" 2>&1)"
}

check "a block major number" test -n "$major"
check "listed as a misc device" grep -qw pktcdvd /proc/misc
check_equal "the node is that device" \
	"$(awk '$2 == "pktcdvd" { printf "a:%x", $1 }' /proc/misc)" \
	"$(stat -c %t:%T /dev/pktcdvd/control)"
check "everybody may ask" test "$(stat -c %a /dev/pktcdvd/control)" = 644

# STATUS.
expect "status of an empty slot" "ok 2 0 0:0 0:0 8" status 0 9:9 9:9
expect "status beyond the end" "ok 2 4294967295 0:0 0:0 8" status 4294967295 9:9 9:9

# SETUP.
expect "setup" "ok 0 5 $lower $major:0 77" setup 5 "$lower" 9:9
check_equal "which maps" "pktcdvd0 $major:0 $lower" "$(cat $PKT/device_map)"
check "and makes a node" test -b /dev/pktcdvd/pktcdvd0
expect "status of it" "ok 2 0 $lower $major:0 8" status 0 0:0 0:0
check_equal "packets are 64 KiB" 65536 "$(cat /sys/block/pktcdvd0/queue/minimum_io_size)"
expect "setup again" "EBUSY 0 5 $lower 0:0 77" setup 5 "$lower" 9:9
expect "setup of itself" "EBUSY 0 0 $major:0 0:0 77" setup 0 "$major:0" 9:9
expect "setup of nothing" "ENXIO 0 0 4095:3 0:0 77" setup 0 4095:3 9:9
mounted=$(new_ram size=4M)
mkfs.ext4 -q "$mounted" && mount -t ext4 "$mounted" /mnt
expect "setup of a mounted device" "EBUSY 0 0 $(number "$mounted") 0:0 77" \
	setup 0 "$(number "$mounted")" 9:9
umount /mnt
write_to $RAM/remove "${mounted##*/}"

# Not for everybody.
other() {
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$@" 2>&1
}
check_equal "others may ask" "ok 2 0 $lower $major:0 8" "$(other "$control" status 0 0:0 0:0)"
check_equal "but not map" "EPERM 0 0 $lower 9:9 77" "$(other "$control" setup 0 "$lower" 9:9)"
check_equal "nor unmap" "EPERM 1 0 0:0 $major:0 77" \
	"$(other "$control" teardown 0 0:0 "$major:0")"
check_fails "nor write to sysfs" other sh -c "echo $lower >$PKT/remove"

# What is no command.
expect "unknown command" "ENOTTY 3 0 $lower 9:9 77" 3 0 "$lower" 9:9
expect "largest command" "ENOTTY 4294967295 0 $lower 9:9 77" 4294967295 0 "$lower" 9:9
expect "ioctl of another size" "ENOTTY 2 0 0:0 0:0 77" status 0 0:0 0:0 0xc0205801
expect "ioctl of another number" "ENOTTY 2 0 0:0 0:0 77" status 0 0:0 0:0 0xc0185802
expect "ioctl of another type" "ENOTTY 2 0 0:0 0:0 77" status 0 0:0 0:0 0xc0185901
expect "ioctl of another direction" "ENOTTY 2 0 0:0 0:0 77" status 0 0:0 0:0 0x40185801
expect "bad pointer" "EFAULT 0 0 $lower 9:9 77" bad-pointer 0 "$lower" 9:9

# TEARDOWN.
exec 3<"/dev/pktcdvd/pktcdvd0"
expect "teardown while open" "EBUSY 1 0 0:0 $major:0 77" teardown 0 0:0 "$major:0"
exec 3<&-
expect "teardown by the lower device's number" "ENXIO 1 0 0:0 $lower 77" teardown 0 0:0 "$lower"
expect "teardown" "ok 1 4 0:0 $major:0 77" teardown 4 0:0 "$major:0"
check_equal "which unmaps" "" "$(cat $PKT/device_map)"
check "takes the node along" test ! -e /dev/pktcdvd/pktcdvd0
expect "teardown again" "ENXIO 1 0 0:0 $major:0 77" teardown 0 0:0 "$major:0"

# pktsetup.
check_equal "pktsetup -s, nothing" "" "$(pktsetup -s 2>&1)"
check "pktsetup M:m" pktsetup "$lower"
check_equal "pktsetup -s" " 0 : $major:0 -> $lower" "$(pktsetup -s 2>&1)"
check_fails "pktsetup M:m again" pktsetup "$lower"
check "pktsetup -i M:m again" pktsetup -i "$lower"
check_equal "which changes nothing" " 0 : $major:0 -> $lower" "$(pktsetup -s 2>&1)"
check "pktsetup -d of the packet device" pktsetup -d "$major:0"
check_equal "unmaps" "" "$(cat $PKT/device_map)"
pktsetup "$lower"
check "pktsetup -d of the lower device" pktsetup -d "$lower"
check_equal "unmaps, too" "" "$(cat $PKT/device_map)"
check_fails "pktsetup -d of what is not mapped" pktsetup -d "$lower"
check "pktsetup -i -d of it" pktsetup -i -d "$lower"
check "pktsetup NAME M:m" pktsetup disc "$lower"
check_equal "makes a node of that name" "$(printf '%x:0' "$major")" \
	"$(stat -c %t:%T /dev/pktcdvd/disc)"
check "pktsetup -d NAME" pktsetup -d disc
check_equal "unmaps, and removes the node" " gone" \
	"$(cat $PKT/device_map) $([ -e /dev/pktcdvd/disc ] || echo gone)"

# As many as there are: nine are more than the C driver had.
many() {
	for _ in {1..8}; do
		pktsetup "$(number "$(new_ram size=1M)")" || return
	done
	pktsetup "$lower" && [ "$(pktsetup -s | wc -l)" = 9 ] &&
		"$control" status 8 0:0 0:0 | grep -q "^ok 2 8 $lower $major:8 9\$"
}
check "nine devices" many
clean_up
ktap_finished
