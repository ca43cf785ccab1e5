#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 120
#
# Mapping drives with programs that others wrote: pktsetup in all its forms, pktcdvd-check, and what
# udev's rule of udftools has done when a disc comes or goes.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 52
clean_up
for n in "${!ALL_DRIVES[@]}"; do
	drive_ctl "@$n" reset >/dev/null
done
cdrw=$(drive_sr 0) other=$(drive_sr 2)
lower=$(number "$cdrw")
drive=0
major=$(awk '$2 == "pktcdvd" { print $1 }' /proc/devices)

# maps: what is mapped, by pktsetup's own account.
maps() {
	pktsetup -s | sed 's/^ *//' | paste -sd ,
}

# Names and paths.
check "pktsetup NAME /dev/srN" pktsetup disc "$cdrw"
check_equal "pktsetup -s" "0 : $major:0 -> $lower" "$(maps)"
check_equal "the node is that device" "$(printf '%x:0' "$major")" "$(stat -c %t:%T /dev/pktcdvd/disc)"
check_equal "it can be written" "ok ok" "$(disk /dev/pktcdvd/disc rw write:2048:2048:a check:2048:2048:a)"
check_fails "pktsetup of it again" pktsetup disc "$cdrw"
check_fails "by another name" pktsetup again "$cdrw"
check "pktsetup -i of it" pktsetup -i "$cdrw"
check_equal "changes nothing" "0 : $major:0 -> $lower" "$(maps)"
check_fails "a name that is in use is not taken away" pktsetup disc "$other"
check "pktsetup /dev/srN, without a name" pktsetup "$other"
check_equal "both are there" "0 : $major:0 -> $lower,1 : $major:1 -> $(number "$other")" "$(maps)"
check "pktsetup -d NAME" pktsetup -d disc
check_equal "leaves the other" "1 : $major:1 -> $(number "$other")" "$(maps)"
check "and removes the node" test ! -e /dev/pktcdvd/disc
check "pktsetup -d M:m of a packet device" pktsetup -d "$major:1"
check_equal "nothing is left" "" "$(maps)"

# Numbers.
check "pktsetup M:m" pktsetup "$lower"
check_equal "maps the drive" "0 : $major:0 -> $lower" "$(maps)"
check_fails "pktsetup M:m again" pktsetup "$lower"
check "pktsetup -i M:m again" pktsetup -i "$lower"
check "pktsetup -d M:m of the drive" pktsetup -d "$lower"
check_equal "unmaps it" "" "$(maps)"
check_fails "pktsetup -d of what is not mapped" pktsetup -d "$lower"
check "pktsetup -i -d of it" pktsetup -i -d "$lower"
check "pktsetup NAME M:m" pktsetup disc "$lower"
exec 3</dev/pktcdvd/disc
check_fails "pktsetup -d of what is open" pktsetup -d disc
check_equal "leaves it" "0 : $major:0 -> $lower" "$(maps)"
exec 3<&-
# It may have taken the node away before it was refused, as it did with the C driver.
check "after the close it can be unmapped" pktsetup -d "$major:0"
rm -f /dev/pktcdvd/disc
check_fails "the interface of 2004 is no more" pktsetup /dev/pktcdvd/control "$cdrw"
check_fails "pktsetup of what is no drive" pktsetup disc /dev/null
check_equal "nothing of all that is left" "" "$(maps)"

# pktcdvd-check: knows which discs packets can be written on, BD-RE came after it.
for n in 0 1 2 3; do
	check "pktcdvd-check of ${ALL_DRIVES[$n]}" pktcdvd-check -q "$(drive_sr "$n")"
done
check_fails "pktcdvd-check of bd-re" pktcdvd-check -q "$(drive_sr 4)"
check_equal "it leaves the tray unlocked" "0 0 0 0 0" \
	"$(for n in 0 1 2 3 4; do drive_get "@$n" locked; done | paste -sd ' ')"

# rule NODE HAS-MEDIUM: what 80-pktsetup.rules does; ID_CDROM_MEDIA is udev's business.
rule() {
	if [ "$2" = 1 ] && pktcdvd-check -q "$1"; then
		pktsetup -i "$(number "$1")"
	else
		pktsetup -i -d "$(number "$1")"
	fi
}
# exclusive NODE: nobody has it for himself.
exclusive() {
	[ "$(disk "$1" excl)" = ok ]
}
check "udev: a disc is in the drive" rule "$cdrw" 1
check_equal "it is mapped" "0 : $major:0 -> $lower" "$(maps)"
check "the drive is not held" exclusive "$cdrw"
check "udev: a change, with the same disc" rule "$cdrw" 1
check_equal "it still is mapped" "0 : $major:0 -> $lower" "$(maps)"
check_equal "and works" "ok ok" "$(disk /dev/pktcdvd/pktcdvd0 rw write:4096:2048:b fsync)"
order insert none >/dev/null
check "udev: the disc is gone" rule "$cdrw" 0
check_equal "it is unmapped" "" "$(maps)"
order insert cdrw,blocks=16384,type=ff >/dev/null
check "udev: a disc that is not for packets" rule "$cdrw" 1
check_equal "it is not mapped" "" "$(maps)"
order insert cdrw,blocks=16384 >/dev/null
check "udev: a good disc" rule "$cdrw" 1
check "udev: on a drive that is mounted" mkudffs /dev/pktcdvd/pktcdvd0
busy() {
	mounted /dev/pktcdvd/pktcdvd0 rw sh -c "pktcdvd-check -q $cdrw && ! pktsetup -d $lower &&
		pktsetup -i $lower && : >$MNT/file"
}
check "a file system that is mounted stays so" busy
check "what udev made can be unmapped" pktsetup -i -d "$lower"
check "no drive was asked for what it cannot do" faultless
clean_up
ktap_finished
