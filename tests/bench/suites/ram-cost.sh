# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# rblk-in-tree: brd
# rblk-ours: rblk
# rblk-units: ops
# rblk-mem: 2048
# rblk-seconds: 200 0
# rblk-title: RAM disks: memory, modules, many disks, discards
#
# The suite ram-cost: what is done once, and what a stored page takes. Our module also has the
# drivers for packet writing and network block devices in it, which its load pays for. brd adds
# its disks when it is loaded, and removes them when it is unloaded: it cannot do so one by one.

# These are steps, one after the other, see guest.

# shellcheck source=tests/bench/lib/disks.sh
. "${here:?}/lib/disks.sh"

# How many steps there are, of both drivers together.
steps_all=24
many=1000
pages=32768
[ -z "${RBLK_BENCH_QUICK:-}" ] || many=250 pages=8192 steps_all=20

# load DRIVER STEP DISKS KIB: counted; ours loads the other drivers of the module, too.
load() {
	module=brd
	if [ "$1" = ours ]; then
		module=rblk
		step "$1" module "$2" insmod "$RBLK_KO" "nbd_nbds_max=0 ram_nr=$3 ram_size=$4"
	else
		step "$1" module "$2" insmod "$RBLK_IN_TREE" "rd_nr=$3 rd_size=$4"
	fi
}

# unload DRIVER STEP
unload() {
	wait_for grep -qx 0 "/sys/module/$module/refcnt"
	step "$1" module "$2" rmmod "$module"
}

# disk DRIVER MIB, empty: not counted.
disk() {
	if [ "$1" = ours ]; then start_disk bio "$2"; else start_disk brd "$2"; fi ||
		fail "$1: no disk of $2 MiB"
}

# One by one. (brd does add a disk when a node is opened that has none; it never removes one.)
many_disks() {
	module=rblk
	insmod "$RBLK_KO" nbd_nbds_max=0 || fail "$1 does not load"
	step "$1" disks add-one-by-one echo /sys/class/rblk-ram/add 'size=64M name=b{}' $many
	step "$1" disks remove-one-by-one echo /sys/class/rblk-ram/remove 'b{}' $many
	wait_for rmmod rblk
}

# discards DRIVER NAME MIB PLACES
discards() {
	disk "$1" "$3"
	[ "$4" = 0 ] || "$RBLK_BENCH" fill "$device" "$4" || fail "$1: cannot fill"
	step "$1" discard "$2" discard "$device"
	stop_disk
}

# Free pages, also those that a processor keeps for itself, when what was put off is done.
free_pages() {
	sleep 2
	awk '$1 == "pages" && $2 == "free" || $1 == "count:" { sum += $NF } END { print sum }' \
		/proc/zoneinfo
}

# memory DRIVER NAME STRIDE COUNT: bytes for each of COUNT pages, stored STRIDE apart, four
# times: the first one pays for what comes once.
memory() {
	local before after i
	disk "$1" $(($3 * $4 * 4 / 256))
	for ((i = 0; i < 4; i++)); do
		before=$(free_pages)
		"$RBLK_BENCH" fill "$device" $(($4 * 4)) $(($4 * i)) "$4" || fail "$1: cannot store"
		after=$(free_pages)
		[ $i = 0 ] || echo "V $1 memory $2 $(((before - after) * 4096)) $4"
	done
	stop_disk
	progress
}

# steps DRIVER: all of them.
steps() {
	local before
	load "$1" load-1-disk 1 65536
	unload "$1" unload-1-disk
	before=$(free_pages)
	load "$1" load-$many-disks $many 65536
	echo "V $1 disks without-data $(((before - $(free_pages)) * 4096)) $many"
	unload "$1" unload-$many-disks
	[ "$1" != ours ] || many_disks "$1"
	# brd looks at each page that there could be, which takes a minute for a TiB.
	if [ -z "${RBLK_BENCH_QUICK:-}" ]; then
		discards "$1" empty-1t $((1 << 20)) 0
		discards "$1" 4096-pages-of-1t $((1 << 20)) 4096
	fi
	discards "$1" 4096-pages-of-32g $((32 << 10)) 4096
	discards "$1" full-64m 64 16384
	memory "$1" every-page 1 "$pages"
	memory "$1" one-in-64 64 $((pages / 4))
	memory "$1" one-in-512 512 $((pages / 4))
}
