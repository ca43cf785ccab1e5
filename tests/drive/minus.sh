#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 200
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# Programs for DVD-RW: what is quick, what is full, what is recorded from the start.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 27
drive_as 1 dvd-rw,blank,blocks=16384
minus=$(drive_sr 1)
small=$RBLK_SCRATCH/small large=$RBLK_SCRATCH/large
image "$small" 4
image "$large" 20
info() { says "$1" dvd+rw-mediainfo "$minus"; }

check "a new disc" info 'Mounted Media: +14h, DVD-RW Sequential'
check "is blank" info 'Disc status: +blank'
check "dvd+rw-format wants to be forced" says 'media is blank' dvd+rw-format "$minus"
check "dvd+rw-format, quickly" says formatting dvd+rw-format -force "$minus"
check "another profile" info 'Mounted Media: +13h, DVD-RW Restricted'
check "a session that is not complete" info 'State of Last Session: +incomplete'
check_equal "no block is formatted" "1 0" "$(counts 1 formats formatted)"
check_equal "a write somewhere" 5/21/02 "$(refused "$minus" 8192 16)"

# growisofs closes the session; for more than there is it makes it grow.
drive_ctl @1 reset-stats
check "growisofs" says 'writing lead-out' growisofs -Z "$minus=$small"
check "what was written" holds "$minus" "$small"
check "is all there is" info 'formatted:\s+2048\*2048'
check "growisofs of more" says 'Quick Grow' growisofs -Z "$minus=$large"
check "all of that" holds "$minus" "$large"
check_equal "nothing was refused" "10240 0" "$(counts 1 formatted writes_rejected)"

# In full: all of the disc.
check "dvd+rw-format, in full" says formatting dvd+rw-format -force=full "$minus"
check "all of it" info 'formatted:\s+16384\*2048'
check "a session that is complete" info 'State of Last Session: +complete'
check "can be written somewhere" put "$minus" 8192 a 16

# Sequential again.
check "xorriso takes the format away" says 'Blanking done' xorriso -outdev "$minus" -blank deformat
check "a blank disc" info 'Mounted Media: +14h, DVD-RW Sequential'
check "growisofs records" says 'closing|writing|updating' growisofs -Z "$minus=$small"
check "what it recorded" holds "$minus" "$small"
check "cdrskin formats it in full" tool cdrskin -v "dev=$minus" blank=format_overwrite_full
check "so that all is formatted" info 'formatted:\s+16384\*2048'
check "cdrskin writes" tool cdrskin -v "dev=$minus" "$large"
check "its image" holds "$minus" "$large"
check_equal "nothing was refused by then" 0 "$(drive_get @1 writes_rejected)"
ktap_finished
