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
	local major minor
	read -r major minor < <(stat -L -c '%t %T' "$1")
	printf '%d:%d\n' "0x$major" "0x$minor"
}

# sysfs NODE: the directory of a block device.
sysfs() {
	realpath "/sys/dev/block/$(number "$1")"
}

# map NODE [OPTIONS]: maps a device and prints the packet device's name.
map() {
	local number name lower
	number=$(number "$1")
	shift
	write_to $PKT/add "$number $*" || return
	while read -r name _ lower; do
		[ "$lower" != "$number" ] || echo "$name"
	done <$PKT/device_map
}

# unmap NAME
unmap() {
	write_to $PKT/remove "$(packet_number "$1")"
}

# no_threads: no packet device has one. It may still be about to end when it is not waited for any more.
no_threads() { ! pgrep '^pktcdvd[0-9]'; }

# packet_number NAME: major:minor of a mapped packet device.
packet_number() {
	local name number
	while read -r name number _; do
		[ "$name" != "$1" ] || echo "$number"
	done <$PKT/device_map
}

# node NAME: where a packet device is.
node() {
	echo "/dev/pktcdvd/$1"
}

# attribute NAME FILE: prints an attribute of a packet device.
attribute() {
	local lines
	mapfile -t lines <"$PKT/$1/$2" && printf '%s\n' ${lines[@]+"${lines[@]}"}
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

# listed FILE: the lines of a device_map are $lines; none if there is no such file.
listed() {
	lines=()
	[ ! -e "$1" ] || mapfile -t lines <"$1"
}

# Undoes all of the above, whatever a test has left behind. No program is started that has nothing to do.
clean_up() {
	local try line lines words
	for try in {1..3}; do
		[ "$try" = 1 ] || sleep 0.5
		listed $PKT/device_map
		for line in ${lines[@]+"${lines[@]}"}; do
			read -ra words <<<"$line"
			write_to $PKT/remove "${words[1]}"
		done
		! compgen -G '/sys/block/dm-*' >/dev/null || dmsetup remove_all
		! compgen -G '/sys/block/loop*/loop' >/dev/null || losetup -D
		listed $RAM/device_map
		for line in ${lines[@]+"${lines[@]}"}; do
			write_to $RAM/remove "${line%% *}"
		done
		listed $RAM/device_map
		[ ${#lines[@]} = 0 ] || continue
		listed $PKT/device_map
		[ ${#lines[@]} -gt 0 ] || return 0
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
