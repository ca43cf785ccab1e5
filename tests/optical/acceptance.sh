#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 240
#
# The life of each kind of disc, from the shop on: formatted by the command pktcdvd, given a file
# system, filled, changed after a fresh mount, its drive without power for a moment, taken out, and
# read in a machine without a packet driver. Then the first part of it on drives that differ from the
# usual ones. No drive may have to refuse a write, or to complete one.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

# As DRIVE:DISC, the number of the drive with its disc.
discs="0:cdrw,blank 1:dvd-rw,blank 2:dvd+rw,blank 2:dvd+rw-dl,blank 3:dvdram 4:bd-re,blank
	0:cdrw,mrw,blank 2:dvd+rw,mrw,blank"
# And what other drives do, as DRIVE:DISC:QUIRKS.
strange="0:cdrw,blank:slow-ready+lies-ready+no-progress 0:cdrw,blank:run-out
	1:dvd-rw,blank:wants-page5+slow-ready 1:dvd-rw,blank:no-page5+lies-ready
	2:dvd+rw,blank:grows+ice+no-progress 2:dvd+rw,blank:no-packet-size+no-page5+slow-ready
	2:dvd+rw,blank:no-track-info+few-features 3:dvdram:no-packet-size+few-features+no-page5
	4:bd-re,blank:no-packet-size+lies-ready+no-progress 4:bd-re,blank:no-track-info+slow-ready"
command=${PKTCDVD:-$top/target/release/pktcdvd}
kept=$RBLK_SCRATCH/sums
blocks=4096
ktap_plan $((11 * $(wc -w <<<"$discs") + $(wc -w <<<"$strange")))

# A tree of files, and one that takes all that is left.
fill() {
	cp -r "$top/drivers/block/pktcdvd" "$MNT/" && sync -f "$MNT" &&
		! dd if=/dev/urandom of="$MNT/fill" bs=64k status=none 2>"$RBLK_SCRATCH/dd" &&
		grep -q 'No space left' "$RBLK_SCRATCH/dd" && sync -f "$MNT"
}
# In the middle of a large file, and of a directory.
changed() {
	same "$kept" && keeps "$kept" change
}
change() {
	rm -r "$MNT"/pktcdvd/*.rs "$MNT"/pktcdvd/{control,disk,engine,lower} && mv "$MNT/pktcdvd" "$MNT/moved" &&
		dd if=/dev/urandom of="$MNT/fill" bs=999 seek=1234 count=77 conv=notrunc,fsync status=none &&
		cp -r "$top/rust/bindings" "$MNT/again" && sync -f "$MNT"
}
# What was flushed is on the disc, whatever happens to the drive then.
power_cut() {
	same "$kept" && cp "$top/README.md" "$MNT/" && sync -f "$MNT" && sums >"$kept" && order powercut
}

# unpack DRIVE:DISC [QUIRKS]: another disc is put into the drive, as it comes from the shop.
unpack() {
	local disc=${1#*:},blocks=$blocks
	drive=${1%%:*}
	clean_up
	if [[ $disc == *,mrw,* ]]; then
		replace "$disc"
	else
		order reset >/dev/null && order set "quirks=${2-}" && order insert "$disc" >/dev/null
	fi
	sr=$(drive_sr "$drive")
	blockdev --getsz "$sr" >/dev/null 2>&1
	order reset-stats
}
# replace [DISC]: the drive by another one, which the kernel asks what it can.
replace() {
	order unplug && wait_for 20 not_there && order reset ${1:+"$1"} >/dev/null && order plug &&
		wait_for 20 drive_is_there "$drive"
}
not_there() { [ -z "$(drive_sr "$drive")" ]; }
# mapped_as: $name and $node of what the drive is mapped to.
mapped_as() {
	name=$(awk -v lower="$(number "$sr")" '$3 == lower { print $1 }' "$PKT/device_map")
	node=$(node "$name")
	[ -n "$name" ]
}
# told: what the drive has counted.
told() {
	order stats | awk '/^(writes|writes_whole|writes_partial|rmw|writes_rejected|wear_packets|wear_max) / {
		printf "%s%s %s", n++ ? ", " : "", $1, $2 }'
}
pleased() { [ "$(get writes)" -gt 0 ] && faultless "$@"; }

for disc in $discs; do
	title=${disc#*:}
	title=${title%,blank}
	unpack "$disc"
	# A drive that could do that makes other formats if it is not asked.
	options=("$sr")
	[[ $title != *,mrw ]] || options+=(--mrw)
	check "$title: formatted" "$command" format "${options[@]}"
	check "$title: mapped" "$command" add "$sr"
	mapped_as
	order reset-stats
	check "$title: given a file system" "$command" mkfs "$node"
	check "$title: filled" mounted "$node" rw keeps "$kept" fill
	check "$title: whole after a fresh mount, and changed" mounted "$node" rw changed
	check "$title: the power of the drive is cut" mounted "$node" rw power_cut
	check "$title: whole after that" mounted "$node" ro same "$kept"
	mount -t udf "$node" "$MNT"
	check "$title: ejected while it is mounted" "$command" eject "$sr"
	check_equal "$title: the tray is open, nothing is mapped" "1 0" "$(get tray_open) $(wc -l <"$PKT/device_map")"
	check "$title: the drive is pleased" pleased "$title"
	ktap_msg "$title: $(told)"
	order load
	check "$title: whole without the packet device" mounted "$sr" ro same "$kept"
done

# lives: from the format to a mounted disc that is ejected.
lives() {
	"$command" format "$sr" && "$command" add --check "$sr" && mapped_as && order reset-stats &&
		"$command" mkfs "$node" && mounted "$node" rw keeps "$kept" cp -r "$top/drivers/block/pktcdvd" "$MNT" &&
		mounted "$node" rw same "$kept" && "$command" eject "$sr" && pleased "$disc"
}
for disc in $strange; do
	unpack "${disc%:*}" "${disc##*:}"
	check "${disc#*:}" lives
	ktap_msg "${disc#*:}: $(told)"
done
clean_up
for drive in 0 2; do replace; done
ktap_finished
