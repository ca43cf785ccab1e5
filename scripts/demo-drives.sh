# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# demo-drives.sh: the part of demo.sh that shows optical drives, and sourced by it. The drives are
# emulated ones (tests/mmc-drive), which keep account of what is asked of them: /dev/sr0 gets a blank
# DVD+RW, and is used with udev, and /dev/sr1 has a CD-RW, which takes nothing but whole packets.
# shellcheck disable=SC2154 # set by demo.sh

# shellcheck source=tests/lib/drive.sh
. "$top/tests/lib/drive.sh"
# Seconds are many more on a slow machine.
patience() { echo $(($1 * 4)); }
# wait_for SECONDS COMMAND...: until COMMAND succeeds.
wait_for() {
	local end=$((SECONDS + $(patience "$1")))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -le "$end" ] || return
		sleep 0.2
	done
}
# shellcheck source=tests/lib/udev.sh
. "$top/tests/lib/udev.sh"
PATH=$top/target/release:$PATH
blocks=16384 format_time=0.05
size=6291456
tree=(drivers rust scripts)

# counted: what a drive has counted since the last reset, as $writes, $different, $refused, $partial,
# $completed, and the packets that were written more than once, as $again.
counted() {
	local key value
	while read -r key value; do
		case $key in
		writes) writes=$value ;;
		wear_packets) different=$value ;;
		writes_rejected) refused=$value ;;
		writes_partial) partial=$value ;;
		rmw) completed=$value ;;
		packet) packet=$value ;;
		esac
	done < <(drive_ctl "@$n" stats)
	again=$(drive_ctl "@$n" wear | awk '$2 > 1 { n++ } END { print n + 0 }')
}

# rows WHAT: of that; it fails unless the drive was pleased.
rows() {
	row "$1: packets written" "$writes" "of $((packet * 2)) KiB, $different different ones"
	row '  written / had to be written' "$(ratio "$writes" "$different")" "$again were written again"
	row '  refused, partial, completed by the drive' "$refused" "$partial $completed"
	[ "$refused $partial $completed" = '0 0 0' ] || failed 'the drive got something else than whole packets'
	[ "$writes" -gt 0 ] || failed 'the drive got nothing'
}

# compare: what was copied to the disc.
compare() {
	local i
	shown 'diff -r'
	cmp large "$mnt/large" || failed 'the large file differs'
	for i in "${tree[@]}"; do
		diff -r "$top/$i" "$mnt/$i" || failed "$i differs"
	done
	printf '    %s files and the large one are there, and the same\n' "$(find "$mnt" -type f | wc -l)"
}

# one_disc N MEDIA: formats, mounts and fills the disc of a drive.
one_disc() {
	local n=$1 sr name dev
	sr=$(drive_sr "$n")
	[ -b "$sr" ] || failed "there is no drive $n"
	drive_ctl "@$n" reset >/dev/null
	if [ "$2" = CD-RW ]; then
		shown "mkudffs $sr"
		! mkudffs "$sr" >mkudffs.log 2>&1 || failed 'a CD-RW was formatted block by block'
		counted
		printf '    fails: the drive refused %s writes, which were no packets\n' "$refused"
		[ "$refused" -gt 0 ] || failed 'no write was refused'
	fi
	put "$(cat "/sys/class/block/${sr##*/}/dev")" "$pkt"/add
	read -r name dev _ < <(tail -n 1 "$pkt"/device_map) || failed 'no packet device'
	drive_ctl "@$n" reset-stats
	shown "mkudffs /dev/pktcdvd/$name"
	mkudffs "/dev/pktcdvd/$name" >mkudffs.log 2>&1 || failed "mkudffs: $(tail -n 3 mkudffs.log)"
	grep '^Detected' mkudffs.log | sed 's/^/    /'
	counted
	rows mkudffs

	run mount -t udf "/dev/pktcdvd/$name" "$mnt"
	drive_ctl "@$n" reset-stats
	shown "cp large $mnt; sync -f $mnt"
	{ cp large "$mnt/" && sync -f "$mnt"; } || failed 'the large file was not copied'
	counted
	rows "a file of $((size >> 20)) MiB"
	drive_ctl "@$n" reset-stats
	shown "cp -r ${tree[*]} $mnt; umount $mnt"
	(cd "$top" && cp -r "${tree[@]}" "$mnt/") || failed 'the files were not copied'
	umount "$mnt" || failed 'umount'
	counted
	rows 'a tree of files'

	run mount -t udf -o ro "/dev/pktcdvd/$name" "$mnt"
	compare
	run umount "$mnt"
	put "$dev" "$pkt"/remove
}

# mapped: the packet device on the drive, as $name and $node.
mapped() {
	read -r name _ < <(awk -v lower="$(cat "/sys/class/block/${sr##*/}/dev")" '$3 == lower' "$pkt"/device_map)
	node=/dev/pktcdvd/$name
	[ -n "$name" ]
}
labelled() { mapped && [ "$(realpath -q /dev/disk/by-label/demo)" = "$node" ]; }
opened() { [ "$(drive_get "@$n" tray_open)" = 1 ]; }
looked_at() { [ "$(drive_get "@$n" locked)" = 1 ]; }
# The kernel waits for five seconds when it only tries to sleep, unless told otherwise.
sleep_now() {
	echo 0 >/sys/module/suspend/parameters/pm_test_delay && echo freezer >/sys/power/pm_test &&
		echo freeze >/sys/power/state
}

# from_the_shop: a blank DVD+RW, with udev.
from_the_shop() {
	local n=0 sr name node copier
	sr=$(drive_sr 0)
	# The other drive is for later.
	drive_ctl @1 insert none >/dev/null
	drive_ctl reset >/dev/null
	drive_ctl insert "dvd+rw,blank,blocks=$blocks" >/dev/null || failed 'there is no blank DVD+RW'
	drive_ctl set time="$format_time"
	shown "pktcdvd format $sr"
	pktcdvd format "$sr" 2>&1 | tr '\r' '\n' | sed 's/^/    /'
	[ "${PIPESTATUS[0]}" = 0 ] || failed 'the disc was not formatted'
	drive_ctl set time=0
	drive_ctl reset-stats

	step '   udevd is started, with the rules that make install-tools installs. The disc is put in.'
	drive_ctl eject >/dev/null
	udev_start "$top/target/release/pktcdvd" || failed "udevd does not start: $(tail -n 3 "$UDEV_LOG")"
	drive_ctl load >/dev/null
	wait_for 15 mapped || failed 'the disc was not mapped'
	# udev learns of a file system when it is made only if it has looked at the device before.
	udev_settle || failed 'udev has not looked at the packet device'
	run cat "$pkt/device_map"
	shown "mkudffs --label=demo $node"
	mkudffs --label=demo "$node" >mkudffs.log 2>&1 || failed "mkudffs: $(tail -n 3 mkudffs.log)"
	wait_for 15 labelled || failed 'its file system has no link'
	run ls -l /dev/disk/by-label/demo
	counted
	rows mkudffs
	run mount -t udf /dev/disk/by-label/demo "$mnt"
	drive_ctl reset-stats

	step '   Files are copied, and meanwhile the system goes to sleep and wakes.'
	shown "cp -r ${tree[*]} large $mnt"
	{ (cd "$top" && cp -r "${tree[@]}" "$mnt/") && cp large "$mnt/"; } &
	copier=$!
	shown 'echo freezer > /sys/power/pm_test; echo freeze > /sys/power/state'
	sleep_now || failed 'the system did not sleep'
	wait "$copier" || failed 'the files were not copied'
	printf '    it slept, and woke: %s\n' "$(dmesg | grep -c 'PM: suspend exit') time"

	step '   The eject button is pressed. What was copied is in memory for the greater part.'
	grep -E '^(Dirty|Writeback):' /proc/meminfo | sed 's/^/    /'
	wait_for 15 looked_at || failed 'the button would open the drive by itself'
	drive_ctl button >/dev/null
	wait_for 60 opened || failed "the tray does not open: $(tail -n 3 "$UDEV_LOG")"
	! mountpoint -q "$mnt" || failed 'the tray opened under a mounted file system'
	printf '    it is unmounted, and the tray is open\n'
	counted
	rows 'a tree of files and a large one'
	[ "$(drive_get cache_lost)" = 0 ] || failed 'the drive lost what it had cached'

	drive_ctl load >/dev/null
	wait_for 15 labelled || failed 'the disc was not mapped again'
	run mount -t udf -o ro /dev/disk/by-label/demo "$mnt"
	compare
	run umount "$mnt"
	run pktcdvd eject "$sr"
	udev_stop
	[ ! -s "$pkt/device_map" ] || [ -z "$(awk -v name="$name" '$1 == name' "$pkt/device_map")" ] ||
		failed 'the drive is still mapped'
}

head -c "$size" /dev/urandom >large
step '8. A blank DVD+RW, as it is sold. It has to be formatted; the drive goes on with that while the
   disc is used. The drive would take single blocks, but to change one it has to read and write a
   whole packet by itself, slowly. It counts what it is asked for.'
from_the_shop
step '9. A drive with a CD-RW, that refuses whatever is not one whole packet.'
one_disc 1 CD-RW
