# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: nbd
# rblk-ours: nbd
# rblk-seconds: 90 400
# rblk-title: Network block devices: ours beside the kernel's
#
# The suite nbd: our nbd.ko beside the kernel's, in a guest. A server in the guest
# serves a disk in its memory over a unix socket, to one after the other.

# Two configurations: requests of a page, as swap space wants them, and whatever each driver does when
# it is told nothing.

# What guest wants to know: the device, the configurations, and the tests as
# "NAME DIRECTION PATTERN BYTES DEPTH OPERATIONS".
device=/dev/nbd0
module=nbd
configurations=(page default)
tests=(
	'read-4k-qd1 read random 4096 1 320'
	'write-4k-qd1 write random 4096 1 320'
	'read-4k-qd32 read random 4096 32 960'
	'write-4k-qd32 write random 4096 32 960'
	'read-1m read sequential 1048576 1 8'
	'write-1m write sequential 1048576 1 8'
)
queue=/sys/block/nbd0/queue
server=''

# up DRIVER CONFIGURATION: has the device ready.
up() {
	local parameters=()
	name="nbd, ours"
	[ "$1" = ours ] || name="nbd of the kernel"
	[ "$2" != page ] || parameters=(max_request_bytes=4096)
	if [ "$1" = ours ]; then
		insmod "$RBLK_KO" nbds_max=1 max_part=0 ${parameters[@]+"${parameters[@]}"}
	else
		insmod "$RBLK_IN_TREE" nbds_max=1 max_part=0
	fi || return
	wait_for [ -b "$device" ] || return
	"$RBLK_BENCH" nbd "$device" 64 &
	server=$!
	wait_for [ -e /sys/block/nbd0/pid ] || return
	echo none >"$queue/scheduler"
	if [ "$2" = page ]; then
		[ "$1" = ours ] || echo 4 >"$queue/max_sectors_kb"
		[ "$(cat "$queue/max_sectors_kb")" = 4 ] || return
	fi
	grep -q '\[none\]' "$queue/scheduler"
}

down() {
	"$RBLK_BENCH" nbd-stop "$device" && wait "$server" && wait_for rmmod nbd
}
