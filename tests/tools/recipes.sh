#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 180
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# The commands in the README and in the guides do, word for word, what is said there.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/recipes.sh
. "$(dirname "$0")/../lib/recipes.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/../pktcdvd/lib/pkt.sh"

ktap_plan 46
PATH=$recipes_top/target/release:$PATH
cd "$recipes_top" || exit
followed=()

# in_order NAME: what was printed has the lines that the document shows, one behind the other.
in_order() { recipe_shows "$1" "$tmp/printed"; }

# follow NAME [WORD=TEXT]... [BEFORE...]: runs BEFORE, which gives what the recipe begins with, and then
# the recipe, with TEXT in the place of WORD.
follow() {
	local name=$1 words=()
	shift
	while [[ ${1-} == *=* ]]; do
		words+=("$1")
		shift
	done
	[ $# -eq 0 ] || "$@" || return
	followed+=("$name")
	recipe_commands "$name" ${words[@]+"${words[@]}"} >"$tmp/commands" || return
	(cd "$tmp" && bash -ex -o pipefail commands) >"$tmp/printed" 2>"$tmp/said" </dev/null &&
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
check_equal "each block of commands in a document is a recipe" '' "$(recipes_ask unmarked)"
check_equal "the list has all recipes, each once" "$(recipes_ask names | sort)" \
	"$(sed '/^#/d;s/[[:space:]].*//' "$recipes_list" | sort)"
# A test runs what the list says of it, or there is a reason.
accounted() {
	local name by rest
	while read -r name by rest; do
		case $by in
		'' | '#'* | tests/tools/recipes.sh) ;;
		not:) [ -n "$rest" ] || echo "$name: no reason" ;;
		*) grep -q "recipe_commands $name" "$by" || echo "$name: not in $by" ;;
		esac
	done < <(grep -v '^#' "$recipes_list")
}
check_equal "those that others run are there" '' "$(accounted 2>&1)"

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

# The README.
check "a new disc" follow readme-new-disc drive_as 0 dvdram,blank,blocks=16384,format-time=2000
check "it is mounted" mountpoint -q /mnt
check "it is unmounted" umount /mnt
check "a disc" follow readme-disc
check_equal "the tray is open" 1 "$(drive_get @0 tray_open)"
check "a card, without tools" follow readme-card
check "a RAM disk" follow readme-ram
check "RAM disks" follow ram

# Copy-on-write disks, on files and on what stands for block devices.
cow_devices() {
	echo "size=16M name=rbase" >/sys/class/rblk-ram/add &&
		echo "size=17M name=rcow" >/sys/class/rblk-ram/add
}
empty_srv() { mount -t tmpfs -o size=128M tmpfs /srv; }
no_files() { rm -f /srv/{base,work.cow,merged}; }
base_file() { empty_srv && seq 100000 >/srv/base && truncate -s 1M /srv/base; }
check "a copy-on-write disk, in short" follow readme-ubd base_file
check "what is merged is what was there" cmp /srv/base /srv/merged
umount /srv
check "a copy-on-write disk" follow ubd empty_srv
check_equal "what was merged has the change" hello "$(debugfs -R 'cat greeting' /srv/merged 2>/dev/null)"
check_equal "the backing file does not" '' "$(debugfs -R 'cat greeting' /srv/base 2>/dev/null)"
check "by its files" follow ubd-sysfs no_files
check "several on one base" follow ubd-guests
check "swap space" follow ubd-swap /dev/vg/base=/dev/rbase /dev/vg/cow=/dev/rcow cow_devices
check "which ends" follow ubd-swap-end
no_cow_devices() {
	umount /srv && echo rcow >/sys/class/rblk-ram/remove && echo rbase >/sys/class/rblk-ram/remove
}
check "all is taken away" no_cow_devices

# Whose disks may lie on nodes that are opened.
check "brd.ko" follow brd
check "a node of a disk that is not there" follow brd-node modprobe brd
check "adds it" test -b /dev/ram300
check "it is unloaded" rmmod brd

# A server, and the name that packages give to the module.
served() {
	rblk-nbd-server serve --listen tcp:127.0.0.1:10809 >"$tmp/server" 2>&1 &
	server=$!
	echo alias rblk-nbd rblk >/run/modprobe.d/recipes.conf
	wait_for 20 sh -c "ss -Htln 'sport = :10809' | grep -q ."
}
mkdir -p /run/modprobe.d
check "the size of requests" follow nbd-size
check_equal "is that" 4096 "$(cat /sys/block/nbd0/max_request_bytes)"
check "a disk on a server" follow readme-nbd SERVER=127.0.0.1 served
kill "$server"
rm /run/modprobe.d/recipes.conf

check "the modules are loaded anew" follow install-reload
check "and the driver is there" test -d "$PKT"
check_equal "what the list says is run here was" "$(recipes_run_by tests/tools/recipes.sh | sort)" \
	"$(printf '%s\n' "${followed[@]}" | sort)"
check "the disk is removed" rmmod scsi_debug
ktap_finished
