#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 150
#
# Programs that look at every block device there is must not hang. libblkid asks packet devices for
# CDROM_LAST_WRITTEN; the C driver forwarded that to itself, and waited for ever for a lock that it
# held (bug 1107479 of Debian): this was its end. And eject, which has more to ask.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 36
clean_up
declare -a nodes srs
for n in "${!ALL_DRIVES[@]}"; do
	drive_ctl "@$n" reset >/dev/null
	srs[n]=$(drive_sr "$n")
	nodes[n]=$(node "$(map "${srs[$n]}")")
done
drive=0 sr=${srs[0]} node=${nodes[0]} name=${node##*/}

# probe NODE STATUS: blkid says so at once; 2 is "nothing found".
probe() {
	local status
	timeout "$(patience 10)" blkid -p "$1"
	status=$?
	[ "$status" = "$2" ]
}

for n in "${!ALL_DRIVES[@]}"; do
	check "G3: ${ALL_DRIVES[$n]}: blkid of an empty packet device" probe "${nodes[$n]}" 2
	check "G3: ${ALL_DRIVES[$n]}: blkid of the drive" probe "${srs[$n]}" 2
done
check "a file system is made" format "$node" cdrw
check "G3: blkid of it" probe "$node" 0
check "G3: blkid of the drive, too" probe "$sr" 0
# uuid NODE
uuid() {
	blkid -p -o value -s UUID "$1"
}
check_equal "blkid finds the same twice" "$(uuid "$node" || echo a UUID)" "$(uuid "$sr")"
# blkid of all there is finds the file system that there is.
all() {
	timeout "$(patience 30)" blkid -c /dev/null -o export >"$RBLK_SCRATCH/all" &&
		grep -qx "UUID=$(uuid "$sr")" "$RBLK_SCRATCH/all"
}
check "G3: blkid of all there is" all
check "G3: lsblk of all there is" timeout "$(patience 30)" lsblk -f
check "G3: wipefs" timeout "$(patience 10)" wipefs "$node"
check_equal "G3: a program that reads what it begins with" 65536 \
	"$(timeout "$(patience 10)" head -c 65536 "$node" | wc -c)"

# While the device is in use, by many at once: it is written until all have looked.
writes_until() {
	until [ -e "$1" ]; do
		cp -r "$top/rust" "$MNT/" && sync -f "$MNT" || return
	done
}
in_use() {
	local pids=() pid writer failed=0
	mount -t udf "$node" "$MNT" || return
	writes_until "$RBLK_SCRATCH/looked" &
	writer=$!
	for _ in {1..8}; do
		timeout "$(patience 20)" blkid -p "$node" >/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	: >"$RBLK_SCRATCH/looked"
	wait "$writer" || failed=1
	umount "$MNT" && return "$failed"
}
check "G3: eight times at once while it is mounted and written" in_use
check "what was written meanwhile is there" mounted "$node" ro diff -r "$top/rust" "$MNT/rust"
check "nothing is stuck" sh -c "! ps -eo stat,comm | grep '^D.*\\(blkid\\|mkudffs\\|pktsetup\\)'"

# No disc.
drive_ctl @1 insert none >/dev/null
check "G3: blkid without a disc" timeout "$(patience 10)" sh -c "! blkid -p '${nodes[1]}'"
check "G3: blkid of all there is, then" all

# A drive that has one file system mounted, and all others can be asked.
held() {
	mounted "$node" rw sh -c "timeout $(patience 10) blkid -p '${nodes[2]}'; test \$? = 2"
}
check "G8: blkid of another while one is mounted" held

# eject: of the drive, while it is mapped; of the packet device; of one that is mounted.
check "G10: eject of the drive while it is mapped" eject "$sr"
check_equal "the tray is open" 1 "$(get tray_open)"
check "eject -t" eject -t "$sr"
check_equal "the tray is closed" 0 "$(get tray_open)"
check "the file system is still there" within 20 probe "$node" 0
check "eject of the packet device" eject "$node"
check_equal "opens the tray" 1 "$(get tray_open)"
eject -t "$sr"
within 20 probe "$node" 0
check "files are written" sh -c "mount -t udf '$node' $MNT && cp -r '$top/scripts' $MNT/"
check "eject of what is mounted unmounts it" eject "$node"
check_equal "and opens the tray, with nothing lost" "1 0" "$(get tray_open) $(get cache_lost)"
eject -t "$sr"
within 20 probe "$node" 0
check "all files are there" mounted "$node" ro diff -r "$top/scripts" "$MNT/scripts"
check "the drive is pleased" faultless
clean_up
ktap_finished
