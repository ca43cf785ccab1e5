#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 180
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# The commands in the guides do, word for word, what the guides say.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/../pktcdvd/lib/pkt.sh"

ktap_plan 18
guides=(Documentation/admin-guide/*.rst)
recipes=tests/lib/recipes.py
PATH=$(realpath "$(dirname "$0")/../../target/release"):$PATH
cd "$(dirname "$0")/../.." || exit

# of QUESTION NAME: about a recipe.
of() { "$recipes" "$1" "$2" "${guides[@]}"; }

# in_order NAME: what was printed has the lines that the document shows, one behind the other.
in_order() {
	of shown "$1" | python3 -c '
import re, sys
printed = iter(open(sys.argv[1], encoding="utf-8"))
for shown in sys.stdin.read().splitlines():
    if not any(re.fullmatch(" *" + shown + r"\s*", line) for line in printed):
        sys.exit("not printed in its place: " + shown)' "$tmp/printed"
}

# follow NAME [BEFORE]: runs BEFORE, which gives what the recipe begins with, and then the recipe.
follow() {
	local name=$1
	shift
	[ $# -eq 0 ] || "$@" || return
	(cd "$tmp" && bash -ex -o pipefail /dev/stdin) < <(of commands "$name") >"$tmp/printed" 2>"$tmp/said" &&
		in_order "$name" && return
	cat "$tmp/printed" "$tmp/said"
	return 1
}

# The disk /dev/sdb, 8:16, as on a machine that has two.
sdb() { modprobe scsi_debug dev_size_mb=64 num_tgts=2 && wait_for 20 test -b /dev/sdb; }
blank() {
	drive_as 0 dvd+rw,blank,blocks=2295104,format-time=20000 >/dev/null
}
# A disc that is being formatted was written and closed.
lingers() {
	drive_as 0 dvd+rw,blocks=16384,state=stopped,formatted=8192,format-time=600000 >/dev/null && pktcdvd -a /dev/sr0 &&
		write_to "$PKT"/pktcdvd0/linger_ms 3600000 &&
		dd if=/dev/zero of=/dev/pktcdvd/pktcdvd0 bs=32K count=1 oflag=direct status=none &&
		wait_for 30 grep -qx lingering "$PKT"/pktcdvd0/session
}
# Somebody writes meanwhile.
busy() {
	pktcdvd -a card /dev/sdb || return
	(while dd if=/dev/zero of=/dev/pktcdvd/card bs=64K count=4 oflag=direct status=none; do :; done) &
	writer=$!
}

tmp=$RBLK_SCRATCH/recipes
mkdir -p "$tmp/letters" && echo 'Dear reader' >"$tmp/letters/first"
clean_up
mapfile -t names < <("$recipes" names "${guides[@]}")
check_equal "each command in a guide belongs to a recipe" '' "$("$recipes" unmarked "${guides[@]}")"
check_equal "all recipes are run here" 'card command disc pktsetup session trace ram' "${names[*]}"

check "there is a disk" sdb
check "a card: map, make a file system, mount, unmap" follow card
check_equal "the disk has a file system" udf "$(blkid -p -o value -s TYPE /dev/sdb)"
check "the command" follow command
check "pktsetup" follow pktsetup
check_equal "nothing is mapped" '' "$(cat "$PKT"/device_map)"
check "trace events" follow trace busy
kill "$writer"
check "they are there" grep -q pkt_write "$tmp/printed"
check "it is unmapped" pktcdvd -r card

check "a new disc" follow disc blank
check_equal "the tray is open" 1 "$(drive_get @0 tray_open)"
drive_ctl @0 load >/dev/null
letters() {
	mkdir -p "$tmp/disc" && pktcdvd mount /dev/sr0 "$tmp/disc" && grep -qx 'Dear reader' "$tmp/disc/letters/first" &&
		pktcdvd umount "$tmp/disc"
}
check "the disc has the files" letters
check "a session that lingers" follow session lingers
check "the drive is unmapped" pktcdvd -r /dev/sr0

check "RAM disks" follow ram
check "the disk is removed" rmmod scsi_debug
ktap_finished
