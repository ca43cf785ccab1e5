#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-module: ubd
# rblk-timeout: 120
#
# Disks come and go, what is wrong is refused and changes nothing, and nobody uses an image twice.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ubd/lib/ubd.sh
. "$(dirname "$0")/lib/ubd.sh"

if ! have uml_mkcow; then
	ktap_skip_all "there is no uml_mkcow (Debian: uml-utilities)"
fi
ktap_plan 60

dev=/dev/$UBD_DISK
fresh 2097152
before=$(cksum cow back)

# refused ERRNO TITLE WORD...: there is no disk, and the log says why.
refused() {
	_errno=$1 _what=$2
	shift 2
	echo "<6>ubd-test: $_what" >/dev/kmsg
	check_equal "$_what" "$_errno none said" \
		"$(errno_of "$CLASS/add" "$*") $(grep -q . "$CLASS/device_map" && echo some || echo none) $(log_has "$_what")"
}
log_has() { dmesg | sed "1,/ubd-test: $1\$/d" | grep -q '] ubd: ' && echo said; }

refused EINVAL "no image" "ro"
refused EINVAL "an unknown word" "cow=$PWD/cow colour=red"
refused ENOENT "no such image" "cow=$PWD/none"
refused EINVAL "a device that is no block device" "cow=/dev/null"
refused EINVAL "no image, but a file" "cow=$PWD/back"
refused ENOENT "no such backing file" "cow=$PWD/cow backing=$PWD/none"
refused EEXIST "an image to make that is there" "cow=$PWD/cow backing=$PWD/back create"
check_equal "nothing was changed" "$before" "$(cksum cow back)"

# What fails after an image was made leaves none.
mkdir small && mount -t tmpfs -o size=8k tmpfs small
truncate -s 4T huge
refused EEXIST "a new image, and a name that another disk has" "cow=$PWD/new backing=$PWD/back create name=loop0"
refused ENOSPC "a new image that has no room" "cow=$PWD/small/new backing=$PWD/back create"
refused EFBIG "a new image whose bitmap is too large" "cow=$PWD/new backing=$PWD/huge create"
check_equal "none of them is left" '' "$(find . -name new)"
umount small && rm huge

# field OFFSET HEX: an image with another field.
field() {
	cp --sparse=always cow bad
	python3 -c '
import sys
file = open("bad", "r+b")
file.seek(int(sys.argv[1]))
file.write(bytes.fromhex(sys.argv[2]))' "$@"
}
field 4 00000004
refused EINVAL "version 4" "cow=$PWD/bad"
field 24 00000000
refused EINVAL "an alignment of zero" "cow=$PWD/bad"
field 20 00001000
refused EINVAL "a sector size of 4096" "cow=$PWD/bad"
field 28 00000001
refused EINVAL "another format" "cow=$PWD/bad"
field 12 0000000000200001
refused ESTALE "another size" "cow=$PWD/bad"
field 8 00000001
refused ESTALE "another time" "cow=$PWD/bad"
logged() { dmesg | tail -n 3 | grep -q ": $1\$"; }
check "both times are in the log" logged "mtime of the backing file: [0-9]*, the header has 1"
# Of version 1, whose parts begin where they like: a device has no place for it. A file has.
python3 -c '
import os, struct
header = struct.pack(">4sI256sIQI", b"OOOM", 1, b"back", int(os.stat("back").st_mtime), 2097152, 512)
open("v1", "wb").write(header.ljust(3 << 20, b"\0"))'
losetup /dev/loop0 v1
refused EINVAL "version 1 on a block device" "cow=/dev/loop0"
check "both units are in the log" logged "aligned to 8 bytes, the device it is on has blocks of 512 bytes"
losetup -d /dev/loop0
check "in a file it is a disk" add "cow=$PWD/v1"
remove
head -c 5000 cow >bad
refused EINVAL "an image that ends before its bitmap" "cow=$PWD/bad"

check "a disk" add "cow=$PWD/cow"
check_equal "its size" 2097152 "$(blockdev --getsize64 "$dev")"
check_equal "its image" "$PWD/cow" "$(attribute cow)"
check_equal "its backing file, from the header" "$PWD/back" "$(attribute backing)"
check_equal "nothing is in the image" "0 0 0" \
	"$(attribute cow_sectors) $(attribute dirty_blocks) $(attribute error)"
check_equal "in the list" "$UBD_DISK $(cat /sys/block/$UBD_DISK/dev) $PWD/cow" "$(cat $CLASS/device_map)"
check "it reads as the backing file" cmp "$dev" back
# queue NAME...: limits of the disk.
queue() { (cd /sys/block/$UBD_DISK/queue && cat "$@" | xargs); }
check_equal "what is discarded is free" "16777216 16777216 16777216" \
	"$(queue discard_max_bytes write_zeroes_max_bytes write_zeroes_unmap_max_hw_bytes)"
umlauts() {
	write_to "$CLASS/add" "cow='$PWD/grö ße' backing=$PWD/back create name=umlaut" &&
		[ "$(cat /sys/block/umlaut/ubd/cow)" = "$PWD/grö ße" ] && grep -q "grö ße\$" "$CLASS/device_map" &&
		wait_for 20 write_to "$CLASS/remove" umlaut
}
check "a path that is not ASCII is shown as it is" umlauts
check_equal "the image is in use" EBUSY "$(errno_of "$CLASS/add" "cow=$PWD/cow name=twice")"
# As UML does: fcntl(F_SETLK) of the whole file.
locks() {
	python3 -c '
import fcntl, sys
file = open(sys.argv[1], "r+b" if sys.argv[2] == "w" else "rb")
fcntl.lockf(file, (fcntl.LOCK_EX if sys.argv[2] == "w" else fcntl.LOCK_SH) | fcntl.LOCK_NB)' "$@"
}
check_fails "nobody else locks the image to write" locks cow w
check_fails "nor to read" locks cow r
check "the backing file can be shared" locks back r
check_fails "but not written" locks back w

held() { exec 9<"$dev" && write_to "$CLASS/remove" "$UBD_DISK"; }
check_fails "it is not removed while it is open" held
exec 9<&-
check "it is removed" remove
check "and the image is free" locks cow w

# An image that somebody has locked, as UML does.
python3 -c '
import fcntl, sys, time
file = open("cow", "r+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
open("locked", "w")
time.sleep(600)' &
locker=$!
wait_for 20 test -e locked
refused EBUSY "an image that another has locked" "cow=$PWD/cow"
kill $locker
wait $locker 2>/dev/null

check "a disk that is read-only" add "cow=$PWD/cow ro"
check_fails "is not written" dd if=/dev/zero "of=$dev" bs=512 count=1 oflag=direct
check "it is removed, too" remove
check "a disk whose path has a blank" sh -c "mv cow 'a cow' && printf '%s\n' 'cow=\"$PWD/a cow\" name=$UBD_DISK' >$CLASS/add"
check "is removed" remove

# What we make is what the others make.
mv "a cow" cow
check "an image is made" add "cow=$PWD/new backing=$PWD/back create"
remove
check_equal "as uml_mkcow makes it" "$(sha256sum <cow)" "$(sha256sum <new)"
# At load, and what is wrong there keeps the module out; what cannot be added does not.
at_load() { rmmod ubd && modprobe ubd "disks=$1"; }
check "disks at load" at_load "cow=$PWD/cow ro; cow=$PWD/none;"
check "one of them is there" wait_for 10 test -b $dev
remove
check_fails "wrong text at load" at_load "cow=$PWD/cow colour=red"
check "the module, again" modprobe ubd
touch -d 2001-01-01 back
refused ESTALE "a backing file that was touched" "cow=$PWD/cow"

# Beside rblk.ko, which has the driver, too: one that cannot be loaded for that says so. `modprobe` would
# take EEXIST for success.
said() {
	dmesg | sed 's/^\[[^]]*\] //' |
		awk -v mark="$mark" '$0 == mark { seen = 1; next } seen && /^ubd: there is a driver/ { n++ }
			seen && /Call Trace|duplicate/ { n += 100 } END { print n + 0 }'
}
mark() {
	mark="interface.sh: mark $1"
	echo "$mark" >/dev/kmsg
}
mark 1
check "rblk.ko comes beside it" modprobe rblk nbd_nbds_max=0
check_equal "with one line that tells why it has no such disks" 1 "$(said)"
check "and with its other drivers" test -d /sys/class/pktcdvd -a -d /sys/class/rblk-ram
check "rblk.ko is there first" sh -c 'rmmod ubd && modprobe -r rblk && modprobe rblk nbd_nbds_max=0'
mark 2
check "ubd.ko does not start beside it" \
	grep -q 'Device or resource busy' <<-END
		$(modprobe ubd 2>&1)
	END
check_equal "with one line that tells why" 1 "$(said)"
check "it is not loaded" test ! -e /sys/module/ubd
rmmod rblk
modprobe ubd
ktap_finished
