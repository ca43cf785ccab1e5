#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 180
#
# Discs in daily use: formatted, mounted, filled with a tree of files, changed, and found whole after
# a fresh mount, on the packet device and without it. A file that is written from its start to its
# end does not wear the disc.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

# A drive that takes turns, and others, with packets of 64 and of 32 KiB.
drives=(0 2 4)
ktap_plan $((11 * ${#drives[@]}))
kept=$RBLK_SCRATCH/sums
random_file "$RBLK_SCRATCH/large" 6000000

copy() {
	cp -r "$top/drivers" "$top/rust" "$top/scripts" "$MNT/"
}
# Files that go, move, grow, and change in the middle.
change() {
	rm -r "$MNT/rust/block" && mv "$MNT/scripts" "$MNT/renamed" &&
		cat "$top"/rust/*.rs >>"$MNT/renamed/test.sh" &&
		dd if=/dev/urandom of="$MNT/large" bs=999 seek=1234 count=77 conv=notrunc,fsync &&
		cp -r "$top/rust/block" "$MNT/again"
}

for n in "${drives[@]}"; do
	media=${ALL_DRIVES[$n]}
	fresh "$n"
	check "$media: a file system is made" format "$node" "$media"

	# One large file: each of its packets is written once, whatever the file system does besides.
	order reset-stats
	echo 1 >"$PKT/$name/stat/reset"
	check "$media: a large file is copied" mounted "$node" rw cp "$RBLK_SCRATCH/large" "$MNT/large"
	check "$media: the packets of a large file are written once" test "$(worn)" -le 6
	ktap_msg "$media: $(get writes) packets written, $(get wear_packets) different ones," \
		"$(worn) more than once; $(attribute "$name" stat/kb_read_gather) KiB gathered"

	check "$media: a tree of files is copied" mounted "$node" rw keeps "$kept" copy
	check "$media: it is whole after a fresh mount" mounted "$node" ro same "$kept"
	check "$media: it is changed" mounted "$node" rw keeps "$kept" change
	check "$media: it is whole after that" mounted "$node" ro same "$kept"
	check_equal "$media: the tray is unlocked" 0 "$(get locked)"
	unmap "$name"
	check "$media: it is whole without the packet device" mounted "$sr" ro same "$kept"
	check "$media: the drive is pleased" faultless
	check_equal "$media: the drive had nothing to forget" 0 "$(get cache)"
done
clean_up
ktap_finished
