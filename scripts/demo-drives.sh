# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# demo-drives.sh: the part of demo.sh that shows optical drives, and sourced by it. The drives are
# emulated ones (tests/mmc-drive), which keep account of what is asked of them: /dev/sr0 has a
# DVD+RW, and /dev/sr1 a CD-RW, which takes nothing but whole packets.
# shellcheck disable=SC2154 # set by demo.sh

# shellcheck source=tests/lib/drive.sh
. "$top/tests/lib/drive.sh"
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
	shown 'diff -r'
	cmp large "$mnt/large" || failed 'the large file differs'
	for i in "${tree[@]}"; do
		diff -r "$top/$i" "$mnt/$i" || failed "$i differs"
	done
	printf '    %s files and the large one are there, and the same\n' "$(find "$mnt" -type f | wc -l)"
	run umount "$mnt"
	put "$dev" "$pkt"/remove
}

head -c "$size" /dev/urandom >large
step '8. An optical drive with a DVD+RW. It would take single blocks, but to change one it has to
   read and write a whole packet by itself, slowly. It counts what it is asked for.'
one_disc 0 DVD+RW
step '9. A drive with a CD-RW, that refuses whatever is not one whole packet.'
one_disc 1 CD-RW
