# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# Overlays of several drivers, for the suites: one at a time. After lib/disks.sh.

# What there is, what is in it, and how large it is.
overlay_kind='' overlay_state='' overlay_mib=''
# What all of them are made of: a part of a RAM disk, a whole one, and a file system on a third.
lower_base=/dev/ram0p1 lower_cow=/dev/ram1 lower_disk=/dev/ram2
overlay_dir=$RBLK_SCRATCH/overlays

# start_overlay KIND MIB: of so many MiB, with anything in it.
start_overlay() {
	overlay_kind=$1 overlay_state='' overlay_mib=$2
	device='' module=''
	make_lowers && "load_$1" && overlay clean
}
stop_overlay() { leave_overlay && "unload_$overlay_kind"; }

# overlay STATE: fresh: has nothing, and was not written yet; clean: has nothing; full: has all; mixed:
# has each second page.
overlay() {
	[ "$1" != "$overlay_state" ] || [ "$1" = fresh ] || return 0
	leave_overlay && "make_$overlay_kind" "$1" || return
	overlay_state=$1
	settle
	case $1 in
	full) dd if=/dev/zero of="$device" bs=1M count="$overlay_mib" oflag=direct status=none ;;
	mixed) "$RBLK_BENCH" fill "$device" $((overlay_mib * 128)) ;;
	esac && sync
}
leave_overlay() {
	[ -z "$overlay_state" ] || "drop_$overlay_kind" || return
	overlay_state=''
}

make_lowers() {
	[ ! -d "$overlay_dir" ] || return 0
	modprobe -C /dev/null brd rd_nr=3 rd_size=$((overlay_mib * 8 * 1024)) &&
		wait_for [ -b $lower_disk ] &&
		addpart "${lower_base%p1}" 1 2048 $((overlay_mib * 2048)) &&
		wait_for [ -b $lower_base ] &&
		"$RBLK_BENCH" fill $lower_base $((overlay_mib * 256)) &&
		mkfs.ext4 -q $lower_disk && mkdir "$overlay_dir" && mount $lower_disk "$overlay_dir" &&
		dd if=$lower_base of="$overlay_dir/base" bs=1M status=none && sync
}

load_dm() { name=dm-snapshot; }
unload_dm() { :; }
make_dm() {
	device=/dev/mapper/overlay
	blkdiscard -f $lower_cow &&
		dmsetup create --noudevsync overlay --table \
			"0 $((overlay_mib * 2048)) snapshot $lower_base $lower_cow P 8" &&
		wait_for [ -b $device ]
}
drop_dm() { wait_for dmsetup remove --noudevsync overlay; }

load_ubd() { module=ubd name="ubd, on $1" && insmod "$RBLK_KO"; }
add_ubd() {
	device=/dev/ubda
	echo "$1" >/sys/class/ubd/add && wait_for [ -b $device ]
}
drop_ubd() { wait_for eval 'echo ubda >/sys/class/ubd/remove'; }

load_ubd_bdev() { load_ubd 'block devices'; }
unload_ubd_bdev() { wait_for rmmod ubd; }
make_ubd_bdev() {
	blkdiscard -f $lower_cow && uml_mkcow -f $lower_cow $lower_base >/dev/null &&
		add_ubd "cow=$lower_cow backing=$lower_base force"
}
drop_ubd_bdev() { drop_ubd; }

image=$overlay_dir/image
load_ubd_file() { load_ubd files; }
unload_ubd_file() { wait_for rmmod ubd; }
make_ubd_file() { add_ubd "cow=$image backing=$overlay_dir/base create"; }
drop_ubd_file() { drop_ubd && rm "$image"; }

load_qcow2() {
	module=nbd name='nbd, qemu-nbd on qcow2'
	insmod "$RBLK_IN_TREE" nbds_max=1 max_part=0
}
unload_qcow2() { wait_for rmmod nbd; }
make_qcow2() {
	device=/dev/nbd0
	qemu-img create -q -f qcow2 -b "$overlay_dir/base" -F raw "$image" &&
		qemu-nbd --connect=$device -f qcow2 "$image" && wait_for [ -s /sys/block/nbd0/pid ]
}
drop_qcow2() {
	qemu-nbd --disconnect /dev/nbd0 >/dev/null && wait_for [ ! -e /sys/block/nbd0/pid ] &&
		rm "$image"
}

# Where the data is in an image.
image_offset() {
	local bitmap=$((overlay_mib * 256))
	echo $((8192 + (bitmap + 4095) / 4096 * 4096))
}
attach_loop() {
	device=/dev/loop0
	if [ "$1" = clean ]; then
		losetup "${@:2}" -r $device "$overlay_dir/base"
	else
		uml_mkcow "$image" "$overlay_dir/base" >/dev/null &&
			losetup "${@:2}" -o "$(image_offset)" $device "$image"
	fi
}
load_loop() { name='loop'; }
unload_loop() { :; }
make_loop() { attach_loop "$1"; }
drop_loop() { losetup -d /dev/loop0 && rm -f "$image"; }
load_loop_direct() { name='loop, direct I/O'; }
unload_loop_direct() { :; }
make_loop_direct() { attach_loop "$1" --direct-io=on; }
drop_loop_direct() { drop_loop; }
