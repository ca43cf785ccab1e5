#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 200
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# Programs for DVD+RW find on the drive what they find on others: dvd+rw-tools, xorriso, cdrskin.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 26
# Formatting takes longer than any of them waits for it.
drive_as 2 dvd+rw,blank,blocks=16384,format-time=100000
plus=$(drive_sr 2)
small=$RBLK_SCRATCH/small large=$RBLK_SCRATCH/large
image "$small" 4
image "$large" 20

# dvd+rw-format begins a format, stops it, and leaves the disc so.
check "a new disc" says 'Disc status: +blank' dvd+rw-mediainfo "$plus"
check "dvd+rw-format" says formatting dvd+rw-format "$plus"
check_equal "closes twice, which stops it" "1 0 2 1" "$(counts 2 formats restarts closes bgformat)"
check "which can be seen" says 'BG Format Status: +suspended' dvd+rw-mediainfo "$plus"
part=$(drive_get @2 formatted)
check "part is formatted" test "$part" -gt 0 -a "$part" -lt 16384
check "once more" says 'already formatted, lead-out is currently at' dvd+rw-format "$plus"
check_equal "does nothing" "1 0 2 1" "$(counts 2 formats restarts closes bgformat)"
check "-lead-out" says 'relocating lead-out' dvd+rw-format -lead-out "$plus"
check_equal "goes on and stops it" "1 1 3 1" "$(counts 2 formats restarts closes bgformat)"
check "more is formatted" test "$(drive_get @2 formatted)" -gt "$part"

# growisofs formats what is new, and goes on where there is not enough.
drive_ctl @2 insert dvd+rw,blank,blocks=16384
drive_ctl @2 set format-time=40000
check "growisofs on a new disc" says 'pre-formatting blank DVD' growisofs -Z "$plus=$small"
check "what was written" holds "$plus" "$small"
check_equal "it stopped the format" "1 0" "$(counts 2 bgformat writes_rejected)"
drive_ctl @2 insert dvd+rw,state=stopped,formatted=4096,blocks=16384
check "growisofs of more than is formatted" says 'restarting DVD' growisofs -Z "$plus=$large"
check "all of it is there" holds "$plus" "$large"
check_equal "nothing was refused" "1 0" "$(counts 2 bgformat writes_rejected)"
drive_ctl @2 insert dvd+rw,state=stopped,formatted=8192,blocks=16384
check "growisofs of what fits" says 'writing lead-out' growisofs -Z "$plus=$small"
check_equal "needs no more format" 8192 "$(drive_get @2 formatted)"

# The kernel, too, stops it when the last writer closes the disc.
drive_ctl @2 insert dvd+rw,state=running,formatted=1600,blocks=16384
drive_ctl @2 set format-time=0
drive_ctl @2 reset-stats
check "a write ahead of the format" put "$plus" 8000 a 16
check_equal "takes the format along, and ends it" "8016 1 2" "$(counts 2 formatted bgformat closes)"

# xorriso and cdrskin go on with it.
drive_ctl @2 set format-time=4000
check "xorriso writes" says 'Writing to .* completed' \
	xorriso -outdev "$plus" -blank as_needed -map "$MMC" /file -commit
check_equal "and went on with the format" 1 "$(drive_get @2 restarts)"
drive_ctl @2 eject
drive_ctl @2 load
mkdir -p /mnt/disc
mount -t iso9660 -o ro "$plus" /mnt/disc
check "a file is there" cmp "$MMC" /mnt/disc/file
umount /mnt/disc
check "cdrskin writes" tool cdrskin -v "dev=$plus" "$small"
check "its image is there" holds "$plus" "$small"
check_equal "nothing was refused by then" 0 "$(drive_get @2 writes_rejected)"
ktap_finished
