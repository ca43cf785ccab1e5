# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: nbd
# rblk-ours: nbd
# rblk-seconds: 90 400
# rblk-title: Network block devices: ours beside the kernel's
#
# The suite nbd: our nbd.ko beside the kernel's, in a guest. A server in the guest
# serves a disk in its memory over a unix socket, to one after the other.

# Two configurations: requests of a page, as swap space wants them, and of up to a MiB.

# What guest wants to know: the device, the configurations, and the tests as
# "NAME DIRECTION PATTERN BYTES DEPTH OPERATIONS".
device=/dev/nbd0
module=nbd
configurations=(page large)
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
	local kib=4
	name="nbd, ours"
	[ "$1" = ours ] || name="nbd of the kernel"
	[ "$2" = page ] || kib=1024
	if [ "$1" = ours ]; then
		insmod "$RBLK_KO" nbds_max=1 max_part=0 max_request_bytes=$((kib * 1024))
	else
		insmod "$RBLK_IN_TREE" nbds_max=1 max_part=0
	fi || return
	wait_for [ -b "$device" ] || return
	"$RBLK_BENCH" nbd "$device" 64 &
	server=$!
	wait_for [ -e /sys/block/nbd0/pid ] || return
	echo none >"$queue/scheduler"
	if [ "$1" != ours ]; then
		echo "$kib" >"$queue/max_sectors_kb"
	fi
	[ "$(cat "$queue/max_sectors_kb")" = "$kib" ] && grep -q '\[none\]' "$queue/scheduler"
}

down() {
	"$RBLK_BENCH" nbd-stop "$device" && wait "$server" && wait_for rmmod nbd
}
