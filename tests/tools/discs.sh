#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 240
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# The command pktcdvd takes each kind of disc from the shop to a file system, and out of the drive
# again: format, info, mkfs, mount, umount, eject. Nothing is lost unasked, and the drives refuse no
# write.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/../pktcdvd/lib/pkt.sh"

command=$(realpath "$(dirname "$0")/../../target/release/pktcdvd")
# As they are sold.
discs=("cdrw,blank" "dvd-rw,blank" "dvd+rw,blank" dvdram "bd-re,blank")
kinds=(CD-RW DVD-RW DVD+RW DVD-RAM BD-RE)
mnt=$RBLK_SCRATCH/disc
mkdir -p "$mnt"
ktap_plan $((${#discs[@]} * 15 + 18))
clean_up

# says STATUS TEXT ARGS...: the command ends with STATUS and says TEXT.
says() {
	local wanted=$1 text=$2 status
	shift 2
	"$command" "$@" >"$RBLK_SCRATCH/said" 2>&1
	status=$?
	[ "$status" = "$wanted" ] && { [ -z "$text" ] || grep -qF -- "$text" "$RBLK_SCRATCH/said"; } && return
	echo "status $status, wanted $wanted and \"$text\""
	cat "$RBLK_SCRATCH/said"
	return 1
}

# told KEY...: what the command says of the disc in the drive under these keys.
told() {
	"$command" info "$sr" >"$RBLK_SCRATCH/said"
	for key; do
		sed -n "s/^  $key  *//p" "$RBLK_SCRATCH/said"
	done | paste -sd ,
}

# by_name: maps the drive by a name and mounts that, so that nothing can be written.
by_name() {
	"$command" -a disc "$sr" >/dev/null && says 0 '' mount disc "$mnt" -o ro &&
		! touch "$mnt/x" 2>/dev/null
}

for n in "${!discs[@]}"; do
	media=${kinds[$n]}
	drive_as "$n" "${discs[$n]},blocks=16384" >/dev/null
	sr=$(drive_sr "$n")
	state=blank
	[ "$media" != DVD-RAM ] || state=formatted
	check_equal "$media: as it is sold" $state "$(told state)"
	check "$media: format" says 0 "$sr: $media of 32 MiB, in packets of " format "$sr"
	check_equal "$media: which the drive has done" 1 "$(drive_get "@$n" formats)"
	check_equal "$media: now it can be written, and is empty" "formatted,32 MiB,yes" \
		"$(told state size writable holds | sed 's/, in packets of [0-9]* KiB//')"
	drive_ctl "@$n" reset-stats >/dev/null
	check "$media: mkfs" says 0 'mkudffs --media-type=' mkfs "$sr" -- "--label=of-$n"
	check "$media: mount" says 0 '' mount "$sr" "$mnt"
	check_equal "$media: read-write, as UDF" "udf rw" \
		"$(awk -v m="$mnt" '$2 == m { print $3, substr($4, 1, 2) }' /proc/mounts)"
	head -c 3M /dev/urandom >"$RBLK_SCRATCH/data"
	cp "$RBLK_SCRATCH/data" "$mnt/data"
	check "$media: a disc in use is not formatted" says 5 "mounted on $mnt" format --force "$sr"
	check "$media: umount" says 0 '' umount "$mnt"
	check_equal "$media: unmaps what mount has mapped" "" "$(cat $PKT/device_map)"
	check "$media: what is on it is not lost unasked" says 9 "type udf, \"of-$n\"" format "$sr"
	check "$media: mount by name, read-only" by_name
	check "$media: what was written is there" cmp "$RBLK_SCRATCH/data" "$mnt/data"
	check "$media: eject" says 0 '' eject "$sr"
	check_equal "$media: opens the tray, with nothing left behind, and nothing refused" \
		"1 0 0 0 0" "$(for word in tray_open cache cache_lost writes_rejected locked; do
			drive_get "@$n" $word
		done | paste -sd ' ')$(cat $PKT/device_map)$(grep "$mnt" /proc/mounts)"
	drive_ctl "@$n" load >/dev/null
done

# What keeps a disc from being taken out. The drive stays open for a while after such a disc was
# written: that does not count.
n=2
sr=$(drive_sr $n)
wait_for 20 blockdev --getsize64 "$sr" >/dev/null
"$command" mount "$sr" "$mnt"
exec 3<"$mnt/data"
check "a disc that somebody reads from" says 1 'umount failed' eject "$sr"
check_equal "stays in the drive" 0 "$(drive_get @$n tray_open)"
exec 3<&-
touch "$mnt/data"
check "eject by name, and keep it mapped" says 0 '' eject --keep pktcdvd0
check_equal "is mapped" "$(number "$sr")" "$(awk '{ print $3 }' $PKT/device_map)"
check "an empty drive is no error" says 0 '' eject pktcdvd0
drive_ctl @$n load >/dev/null

# What could not be written is told, and keeps the disc in the drive.
wait_for 20 blockdev --getsize64 "$sr" >/dev/null
check "a file system is not lost to mkfs unasked" says 9 'type udf, "of-2"' mkfs "$sr"
"$command" mount "$sr" "$mnt"
drive_ctl @$n fault op=0x2a count=inf act=sense:3/0c/00 >/dev/null
dd if=/dev/urandom of="$mnt/data" bs=64K count=8 conv=notrunc status=none
check "a disc that could not be written" says 1 'may not be on the disc' eject "$sr"
check_equal "stays in the drive, and mounted" "0 1" \
	"$(drive_get @$n tray_open) $(grep -c " $mnt " /proc/mounts)"
drive_ctl @$n fault clear >/dev/null
check "comes out when that was told" says 0 '' eject "$sr"
drive_ctl @$n load >/dev/null

# Who has a drive open for himself.
exec 3<"$sr"
check "a drive that is open can be looked at" says 0 'DVD+RW' info "$sr"
exec 3<&-
check "no drive" says 2 'is no optical drive' format "$(new_ram size=4M)"
drive_ctl @$n insert none >/dev/null
check "no disc" says 7 "no medium" format "$sr"
check "info of an empty drive" says 0 'no medium' info "$sr"

# For programs.
drive_as 2 dvd+rw,blocks=4096 >/dev/null
sr=$(drive_sr 2)
check_equal "info in JSON" "1 26 formatted True $((4096 * 2048)) None" \
	"$("$command" info --json "$sr" | python3 -SE -c '
import json, sys
d = json.load(sys.stdin)
print(d["version"], *(d["disc"][k] for k in ("profile", "state", "writable", "size_bytes", "holds")))')"

# Progress.
drive_as 0 cdrw,blank,blocks=4096,format-time=3000 >/dev/null
sr=$(drive_sr 0)
check "progress in lines" says 0 'formatting the CD-RW with packets of 64 KiB: ' format "$sr"
check_equal "progress in JSON" "True 0 done CD-RW" "$("$command" format --json "$sr" | python3 -SE -c '
import json, sys
d = [json.loads(line) for line in sys.stdin]
parts = [e["done"] for e in d if e["event"] == "progress"]
print(len(parts) >= 2 and all(0 <= part <= 1 for part in parts),
      sum(e["version"] != 1 for e in d), d[-1]["event"], d[-1]["medium"])')"
check "progress on a terminal" python3 -SE - "$command" "$sr" <<'END'
import os, pty, re, sys
pid, fd = pty.fork()
if pid == 0:
    os.execve(sys.argv[1], ["pktcdvd", "format", "--force", sys.argv[2]], {"TERM": "xterm"})
seen = b""
while True:
    try:
        more = os.read(fd, 65536)
    except OSError:
        break
    if not more:
        break
    seen += more
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, seen
assert re.search(rb"\r.*\[#*\.*\] [0-9]+ %", seen), seen
END
check_equal "a format that fails is said" "pktcdvd: $sr: FORMAT UNIT failed: hardware error (4/44/00)" \
	"$(drive_ctl fault op=0x04 act=sense:4/44/00 >/dev/null
		"$command" format "$sr" 2>&1 >/dev/null)"

clean_up
ktap_finished
