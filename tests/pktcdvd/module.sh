#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-module: pktcdvd
# rblk-timeout: 120
#
# pktcdvd.ko is the packet driver alone: loading it takes no name and no number of another driver. It
# does not start beside rblk.ko, which has the driver too, nor the driver in rblk.ko beside it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 34
# Paths, so that insmod takes no parameters from this machine's /etc/modprobe.d.
path_of() { modprobe --show-depends "$1" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | tail -n 1; }
pktcdvd_ko=$(path_of pktcdvd)
rblk_ko=$(path_of rblk)

loaded() { [ -d "/sys/module/$1" ]; }
unload() { ! loaded "$1" || rmmod "$1"; }
ours_loaded() { lsmod | awk '{ print $1 }' | grep -x 'rblk\|nbd\|brd\|pktcdvd' | xargs; }
nothing_left() {
	! loaded pktcdvd && [ ! -e "$PKT" ] && [ ! -e /dev/pktcdvd/control ] &&
		[ ! -e /sys/kernel/debug/pktcdvd ] && ! grep -w pktcdvd /proc/devices /proc/misc
}
mark() { echo "<6>rblk-test: mark $((marks += 1))" >/dev/kmsg; }
since() { dmesg -t | sed "1,/rblk-test: mark $marks\$/d"; }
# works: a packet device takes data and gives it back.
works() {
	local name
	name=$(map "$loop") &&
		dd if="$RBLK_SCRATCH/data" of="$(node "$name")" bs=10k conv=notrunc,fsync status=none &&
		cmp "$(node "$name")" "$RBLK_SCRATCH/data" && unmap "$name"
}
truncate -s 4M "$RBLK_SCRATCH/disk"
head -c 4M /dev/urandom >"$RBLK_SCRATCH/data"
loop=$(losetup -f --show "$RBLK_SCRATCH/disk")

# What modinfo says.
check_equal "the name" pktcdvd "$(modinfo -F name "$pktcdvd_ko")"
check_equal "the only parameter" buffers "$(modinfo -F parm "$pktcdvd_ko" | sed 's/:.*//')"
check_equal "rblk.ko has not the name" '' "$(modinfo -F alias "$rblk_ko")"

# Alone.
unload pktcdvd
check "nothing is left of it" nothing_left
check "it is loaded by its name" modprobe pktcdvd
check_equal "and nothing else is" pktcdvd "$(ours_loaded)"
check "it takes no other driver's names" test ! -e /sys/class/rblk-ram -a ! -e /sys/block/nbd0
check_equal "nor numbers" '' "$(awk '$2 == "nbd" || $2 == "ramdisk"' /proc/devices)"
check "its control device is there" test -c /dev/pktcdvd/control
check "its events are there" test -d $TRACE/events/pktcdvd
check "it works" works
check "nbd comes beside it" modprobe nbd nbds_max=1
check_equal "with its number" nbd "$(awk '$1 == 43 { print $2 }' /proc/devices)"
check "and goes" rmmod nbd

# Its parameter.
unload pktcdvd
for buffers in 1 65; do
	check "buffers=$buffers is refused" grep -qi 'invalid \(argument\|param\)' \
		<<<"$(insmod "$pktcdvd_ko" buffers=$buffers 2>&1)"
	check "and nothing is left" nothing_left
done
check "buffers=4" insmod "$pktcdvd_ko" buffers=4
check_equal "is shown" "4 4" \
	"$(cat $PKT/packet_buffers) $(cat /sys/module/pktcdvd/parameters/buffers)"

# rblk.ko comes later.
name=$(map "$loop")
mark
check "rblk.ko comes beside it" insmod "$rblk_ko" nbd_nbds_max=0
check_equal "with one line that tells why it has no packet driver" 1 \
	"$(since | grep -c '^pktcdvd: there is a packet driver already')"
check "and with its other drivers" test -d /sys/class/rblk-ram
check_equal "what is mapped stays so" "$name" "$(awk '{ print $1 }' $PKT/device_map)"
check "rblk.ko goes" rmmod rblk
check "a device can still be unmapped" unmap "$name"
check "and the driver works" works
check "it goes, too" rmmod pktcdvd

# rblk.ko is there first.
check "rblk.ko alone" insmod "$rblk_ko" nbd_nbds_max=0
mark
check "pktcdvd.ko does not start beside it" \
	grep -q 'Device or resource busy' <<<"$(insmod "$pktcdvd_ko" 2>&1)"
check_equal "with one line that tells why" 1 \
	"$(since | grep -c '^pktcdvd: there is a packet driver already')"
check "it is not loaded" test ! -e /sys/module/pktcdvd
check "rblk.ko works as before" works
check "rblk.ko goes" rmmod rblk
losetup -d "$loop"
ktap_finished
