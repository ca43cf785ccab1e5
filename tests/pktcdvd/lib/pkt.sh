# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Packet devices, and what lies under them, for tests. Sourced after tests/lib/ktap.sh.

RAM=/sys/class/rblk-ram
PKT=/sys/class/pktcdvd
TRACE=/sys/kernel/tracing
# shellcheck disable=SC2034 # used by those who read this file
LIB=$(dirname "${BASH_SOURCE[0]}")

# Whether the kernel checks every access, which makes it slow.
is_debug() {
	zgrep -q '^CONFIG_KASAN=y' /proc/config.gz
}

# scaled N M: N, on a debug kernel M.
scaled() {
	if is_debug; then echo "$2"; else echo "$1"; fi
}

# new_ram OPTIONS: adds a RAM disk and prints its node.
new_ram() {
	write_to $RAM/add "$*" && awk 'END { print "/dev/" $1 }' $RAM/device_map
}

# number NODE: major:minor of a block device.
number() {
	local node
	node=$(realpath "$1")
	printf '%d:%d\n' "0x$(stat -c %t "$node")" \
		"0x$(stat -c %T "$node")"
}

# sysfs NODE: the directory of a block device.
sysfs() {
	realpath "/sys/dev/block/$(number "$1")"
}

# map NODE [OPTIONS]: maps a device and prints the packet device's name.
map() {
	local number
	number=$(number "$1")
	shift
	write_to $PKT/add "$number $*" &&
		awk -v lower="$number" '$3 == lower { print $1 }' $PKT/device_map
}

# unmap NAME
unmap() {
	write_to $PKT/remove "$(packet_number "$1")"
}

# packet_number NAME: major:minor of a mapped packet device.
packet_number() {
	awk -v name="$1" '$1 == name { print $2 }' $PKT/device_map
}

# node NAME: where a packet device is.
node() {
	echo "/dev/pktcdvd/$1"
}

# attribute NAME FILE: prints an attribute of a packet device.
attribute() {
	cat "$PKT/$1/$2"
}

# dm NAME TARGET [ARGS]...: makes /dev/mapper/NAME of one target, as long as the device that is
# its first argument.
dm() {
	local name=$1 target=$2 below=$3
	shift 3
	dmsetup create "$name" --table "0 $(blockdev --getsz "$below") $target $below $*"
}

# dm_switch NAME TARGET [ARGS]...: gives it another table; IO in flight is not waited for.
dm_switch() {
	local name=$1 target=$2 below=$3
	shift 3
	dmsetup suspend --noflush --nolockfs "$name" &&
		dmsetup load "$name" \
			--table "0 $(blockdev --getsz "$below") $target $below $*" &&
		dmsetup resume --noflush "$name"
}

# delayed NODE MS [WRITE-MS]: makes a slow device and prints its node; see slow_dms.
delayed() {
	dm "delay-${1##*/}" delay "$1" 0 "$2" ${3:+"$1" 0 "$3"} >&2 &&
		echo "/dev/mapper/delay-${1##*/}"
}

# Undoes all of the above, whatever a test has left behind.
clean_up() {
	local i
	for i in {1..3}; do
		awk '{ print $2 }' $PKT/device_map 2>/dev/null | while read -r i; do
			write_to $PKT/remove "$i"
		done
		dmsetup remove_all
		losetup -D
		awk '{ print $1 }' $RAM/device_map 2>/dev/null | while read -r i; do
			write_to $RAM/remove "$i"
		done
		[ -n "$(cat $PKT/device_map $RAM/device_map 2>/dev/null)" ] || return 0
		sleep 0.5
	done
	return 1
}

# within SECONDS COMMAND...: waits until COMMAND succeeds.
within() {
	local end=$((SECONDS + $(patience "$1")))
	shift
	until "$@"; do
		[ $SECONDS -le $end ] || return
		sleep 0.1
	done
}

# trace_on EVENT...: records events of the driver until trace_off. The names of tasks are not
# recorded: that patches the code of the scheduler each time, which emulators of several processors
# do not always survive.
trace_on() {
	local event
	echo 0 >$TRACE/options/record-cmd
	echo 0 >$TRACE/tracing_on
	echo >$TRACE/trace
	for event; do
		echo 1 >"$TRACE/events/pktcdvd/$event/enable" || return
	done
	echo 1 >$TRACE/tracing_on
}

# Prints what was recorded.
trace_off() {
	echo 0 >$TRACE/tracing_on
	echo 0 >$TRACE/events/pktcdvd/enable
	grep -v '^#' $TRACE/trace
	echo >$TRACE/trace
	# As it is at boot: other tests trace, too.
	echo 1 >$TRACE/tracing_on
}

# random_file FILE BYTES
random_file() {
	head -c "$2" /dev/urandom >"$1"
}

# read_back NODE FILE: compares what a device has, past all caches of its own, with a file.
read_back() {
	blockdev --flushbufs "$1"
	cmp -n "$(stat -c %s "$2")" "$1" "$2"
}
