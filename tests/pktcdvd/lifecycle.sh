#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 240
#
# Packet devices come and go under IO and from many sides at once, hold what they use, and nothing
# else.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 44
clean_up

nothing_left() {
	[ ! -e /sys/module/rblk ] && [ ! -e "$PKT" ] && [ ! -e /dev/pktcdvd/control ] &&
		! compgen -G '/sys/block/pktcdvd*' && ! compgen -G '/dev/pktcdvd/pktcdvd*' &&
		[ ! -e /sys/kernel/debug/pktcdvd ] && ! grep -w pktcdvd /proc/devices /proc/misc &&
		wait_for 10 no_threads
}

# What holds the module, and the device.
truncate -s 4M "$RBLK_SCRATCH/disk"
loop=$(losetup -f --show "$RBLK_SCRATCH/disk")
name=$(map "$loop")
node=$(node "$name")
check_fails "the module stays while a device is mapped" rmmod rblk
check "the mapping, too" dd if=/dev/zero of="$node" bs=2k count=1 oflag=direct
exec 3<"$node"
check_fails "and while it is open" rmmod rblk
check_equal "an open device is not unmapped" EBUSY "$(errno_of $PKT/remove "$(number "$loop")")"
check "it works" dd if="$node" of=/dev/null bs=2k count=1 iflag=direct
exec 3<&-
mkfs.ext4 -q -b 2048 "$node" && mount -t ext4 "$node" /mnt
check_equal "a mounted one is not, either" EBUSY "$(errno_of $PKT/remove "$(packet_number "$name")")"
check_fails "the module stays while it is mounted" rmmod rblk
check "files can be written" sh -c 'echo text >/mnt/file && sync -f /mnt/file'
umount /mnt

# Files that somebody holds open do not hold the device.
hold() {
	exec 4<"$PKT/$name/stat/kb_written" 5<"/sys/block/$name/packet/stat" \
		6<"/sys/kernel/debug/pktcdvd/$name/info" 7>"$PKT/$name/write_queue/congestion_on" &&
		read -r _ <&4 && read -r _ <&6
}
check "files of the device are open" hold
check "it is unmapped" unmap "$name"
check_fails "a file in sysfs cannot be read any more" cat <&5
check_fails "nor in debugfs" dd bs=1 count=1 skip=0 if=/dev/fd/6
check_fails "nor written" sh -c 'echo 700 >&7'
exec 4<&- 5<&- 6<&- 7>&-
exec 3<$PKT/device_map 4</dev/pktcdvd/control
check_fails "the control device holds the module" rmmod rblk
exec 4<&-
check "an open class attribute does not" rmmod rblk
exec 3<&-
check "nothing is left" nothing_left
check "the module comes again" modprobe rblk
check "it is back" test -e /dev/pktcdvd/control

# Module parameters, and the number of buffers.
info() {
	sed -n "s/^\t$2:\t*//p" "/sys/kernel/debug/pktcdvd/$1/info"
}
rmmod rblk
check_fails "too many buffers for a parameter" modprobe rblk pktcdvd_buffers=65
check_fails "too few" modprobe rblk pktcdvd_buffers=1
check "nothing is left of these" nothing_left
check "four" modprobe rblk pktcdvd_buffers=4
check_equal "the class shows it" 4 "$(cat $PKT/packet_buffers)"
name=$(map "$loop")
check_equal "the device has them" "4 4" \
	"$(attribute "$name" packet_buffers) $(info "$name" 'packet buffers')"
unmap "$name"
echo 16 >$PKT/packet_buffers
name=$(map "$loop")
check_equal "another default" "16 16" \
	"$(attribute "$name" packet_buffers) $(info "$name" 'packet buffers')"
exec 3<>"$node"
echo 2 >"$PKT/$name/packet_buffers"
check_equal "while it is open, they stay" "2 16" \
	"$(attribute "$name" packet_buffers) $(info "$name" 'packet buffers')"
dd if=/dev/urandom of="$node" bs=6k count=100 conv=notrunc,fsync status=none
exec 3<&-
exec 3<>"$node"
check_equal "with the next opener they change" "2 2" \
	"$(attribute "$name" packet_buffers) $(info "$name" 'packet buffers')"
exec 3<&-
dd if="$node" of="$RBLK_SCRATCH/copy" bs=1M iflag=direct status=none
for buffers in 64 3 8; do
	echo $buffers >"$PKT/$name/packet_buffers"
	dd if="$RBLK_SCRATCH/copy" of="$node" bs=10k conv=notrunc,fsync status=none
done
check "data is right with any number of them" cmp "$node" "$RBLK_SCRATCH/copy"
unmap "$name"
name=$(map "$loop" packet_buffers=5)
check_equal "an option of its own" 5 "$(attribute "$name" packet_buffers)"
unmap "$name"

# The slots.
ram=$(new_ram size=1M)
first=$(map "$loop")
second=$(map "$ram")
check_equal "two devices" "pktcdvd0 pktcdvd1" "$first $second"
check_equal "a RAM disk that is mapped is not removed" EBUSY \
	"$(errno_of $RAM/remove "${ram##*/}")"
unmap "$first"
check_equal "the first slot is free" "pktcdvd0" "$(map "$loop")"
unmap "$second"
unmap pktcdvd0
check "a RAM disk that is not mapped any more can go" write_to $RAM/remove "${ram##*/}"

# unmap_soon NAME: unmaps it as soon as nobody has it open: there is no other reason to refuse.
unmap_soon() {
	local end=$((SECONDS + $(patience 30))) said
	until said=$(unmap "$1" 2>&1); do
		case $said in
		*'Device or resource busy'*) ;;
		*) echo "unmap $1: $said" && return 1 ;;
		esac
		[ "$SECONDS" -le "$end" ] || { echo "$1 stays busy" && return 1; }
	done
}

# Writers that open what they find, while devices come and go.
churn() {
	local i name pid
	while [ ! -e "$RBLK_SCRATCH/stop" ]; do
		dd if=/dev/zero of=/dev/pktcdvd/pktcdvd0 bs=6k count=8 conv=nocreat,notrunc
		dd if=/dev/pktcdvd/pktcdvd0 of=/dev/null bs=64k count=4 iflag=direct
		cat "$PKT"/pktcdvd0/stat/* "$PKT/device_map" /sys/kernel/debug/pktcdvd/pktcdvd0/info
		sleep 0.2
	done >/dev/null 2>&1 &
	pid=$!
	for ((i = 0; i < cycles; i++)); do
		name=$(map "$loop" packet_size=$((2 << i % 8))K) || break
		# Some under IO of our own, some at once.
		[ $((i % 2)) = 0 ] ||
			dd if=/dev/zero of="$node" bs=2k count=3 oflag=direct status=none || break
		unmap_soon "$name" || break
	done
	: >"$RBLK_SCRATCH/stop"
	wait "$pid"
	[ "$i" = "$cycles" ]
}
cycles=${RBLK_CYCLES:-10}
check "$cycles devices come and go under IO" churn
check_equal "none is left" "" "$(cat $PKT/device_map)"

# Mapped and unmapped from many sides at once, by all names: each either works or says why not.
race() {
	local i j number rams=()
	for i in 1 2 3; do
		rams+=("$(number "$(new_ram size=1M)")")
	done
	for i in 1 2 3 4; do
		RANDOM=$((${RBLK_SEED:-1} * 4 + i))
		for ((j = 0; j < 8; j++)); do
			number=${rams[RANDOM % 3]}
			case $((RANDOM % 5)) in
			0 | 1) write_to $PKT/add "$number" && echo mapped ;;
			2) write_to $PKT/remove "$number" && echo unmapped ;;
			3) write_to $PKT/remove "$major:$((RANDOM % 3))" && echo unmapped ;;
			4) "$LIB/control.py" setup 0 "$number" 0:0 ;;
			esac
		done 2>&1 &
	done
	wait
}
major=$(awk '$2 == "pktcdvd" { print $1 }' /proc/devices)
race >"$RBLK_SCRATCH/race"
check_equal "a storm of mapping and unmapping: no other errors" "" \
	"$(grep -vE 'busy|No such device|EBUSY|ENXIO|^ok|mapped$' "$RBLK_SCRATCH/race")"
check "some devices were mapped in it" grep -qE '^ok|^mapped$' "$RBLK_SCRATCH/race"
consistent() {
	local name pkt lower
	while read -r name pkt lower; do
		[ "$(cat "/sys/block/$name/dev")" = "$pkt" ] && [ -d "$PKT/$name/stat" ] &&
			[ -e "/sys/dev/block/$lower" ] || return
	done <"$PKT/device_map"
	[ "$(compgen -G '/sys/block/pktcdvd*' | wc -l)" = "$(wc -l <"$PKT/device_map")" ]
}
check "what is left is whole" consistent
check "and can be unmapped" clean_up

# Unmapped while it still writes: closing it waits.
ram=$(new_ram size=4M)
slow=$(delayed "$ram" 0 200)
name=$(map "$slow" packet_buffers=2)
random_file "$RBLK_SCRATCH/data" 1M
dd if="$RBLK_SCRATCH/data" of="$(node "$name")" bs=1M conv=notrunc status=none
check "unmapped right after a write through the page cache" unmap "$name"
check "all of it is there" cmp -n 1048576 "$ram" "$RBLK_SCRATCH/data"
check "everything can go" clean_up
check "the module, too" rmmod rblk
check "nothing is left" nothing_left
ktap_finished
