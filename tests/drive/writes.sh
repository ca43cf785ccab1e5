#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 60
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# What drives take and refuse: a strict CD-RW is of no use to who does not know it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 31
drive_as 0 cdrw,strict,blocks=8192
drive_as 1 dvd+rw,blocks=8192
drive_as 2 dvdram,strict,blocks=8192
cd=$(drive_sr 0) plus=$(drive_sr 1) ram=$(drive_sr 2)

# CD-RW.
check_equal "without packet mode" 5/64/00 "$(refused "$cd" 0 32)"
check_fails "which the block layer sees, too" put "$cd" 0 a 32
check "packet mode is set" "$MMC" "$cd" page5 32 10
check "a whole packet is written" put "$cd" 64 a 32
check_equal "and is there" "0 a a 0" \
	"$(character "$cd" 63) $(character "$cd" 64) $(character "$cd" 95) $(character "$cd" 96)"
check_equal "off the border" 5/21/02 "$(refused "$cd" 65 32)"
check_equal "less than a packet" 5/64/01 "$(refused "$cd" 64 16)"
check_equal "two packets" 5/64/01 "$(refused "$cd" 64 64)"
check_equal "past the end" 5/63/00 "$(refused "$cd" 8160 64)"
check_equal "behind the end" 5/21/00 "$(refused "$cd" 8192 32)"
check_equal "nothing of it was written" "a 0" "$(character "$cd" 64) $(character "$cd" 8160)"
counted() {
	local name
	for name; do drive_get "$name"; done | xargs
}
check_equal "all of it is counted" "1 1 7 2 1 2 2 1" "$(counted writes writes_whole \
	writes_rejected rejected_mode rejected_unaligned rejected_partial rejected_range wear_max)"
check_equal "where it was written" "64 1" "$(drive_ctl wear)"

# The control pair: the same goes through a packet device.
drive_ctl reset-stats
check_fails "mkudffs straight to it" mkudffs --media-type=cdrw "$cd"
check "the drive refused" test "$(drive_get writes_rejected)" -gt 0
check_equal "all of it" 0 "$(drive_get writes)"

# DVD+RW.
check "whole packets by dd" dd if=/dev/zero of="$plus" bs=32k count=32 oflag=direct
check_equal "are whole" "32 0 0" \
	"$(drive_get @1 writes_whole) $(drive_get @1 writes_partial) $(drive_get @1 rmw)"
check "a single block" put "$plus" 5 b 1
check_equal "costs the drive a read" "1 1" "$(drive_get @1 writes_partial) $(drive_get @1 rmw)"
check_equal "and is there" "0 b 0" \
	"$(character "$plus" 4) $(character "$plus" 5) $(character "$plus" 6)"
check "a file system straight on it" mkudffs --media-type=dvdrw "$plus"
mkdir -p /mnt/disc
check "is mounted" mount -t udf "$plus" /mnt/disc
cp "$MMC" /mnt/disc/file
check "and left" umount /mnt/disc
mount -t udf -o ro "$plus" /mnt/disc
check "with what was put on it" cmp "$MMC" /mnt/disc/file
umount /mnt/disc
check_equal "nothing was refused" 0 "$(drive_get @1 writes_rejected)"
check "the kernel closed it with a flush" test "$(drive_get @1 syncs)" -gt 0

# DVD-RAM with bad firmware.
check_equal "strict DVD-RAM" 5/64/01 "$(refused "$ram" 0 1)"
check "takes whole packets" put "$ram" 16 c 16
check "not fewer blocks" test "$(character "$ram" 16)$(refused "$ram" 17 16)" = c5/21/02
drive_ctl @2 set tolerant
check "until it is told otherwise" put "$ram" 17 d 1
ktap_finished
