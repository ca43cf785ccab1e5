#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 200
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# Programs for DVD-RAM, BD-RE and CD-RW; and Mount Rainier, which the kernel itself knows.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 30
small=$RBLK_SCRATCH/small
image "$small" 4

# DVD-RAM: more spare blocks and fewer, protected or not.
drive_as 3 dvdram,blocks=16384
ram=$(drive_sr 3)
check "DVD-RAM" says 'Primary SA: +12800/12800' dvd+rw-mediainfo "$ram"
check "of all its size" says 'formatted:\s+16384\*2048' dvd+rw-mediainfo "$ram"
check "with most spares" says formatting dvd+rw-format -ssa=min "$ram"
check "is smaller" test "$(drive_get @3 blocks)" -lt 16384
# Its quick format of a DVD-RAM never reaches a drive: its command is two bytes long, and the kernel
# takes none of less than six.
check "without, in full" says formatting dvd+rw-format -force=full -ssa=none "$ram"
check "is larger" test "$(drive_get @3 blocks)" -gt 16384
check "growisofs writes" tool growisofs -Z "$ram=$small"
check "what was written" holds "$ram" "$small"
drive_ctl @3 insert dvdram,blocks=16384,read-only
check "a protected cartridge" says 'tab on cartridge is set to protected' dvd+rw-mediainfo "$ram"
drive_ctl @3 reset-stats
tool dvd+rw-format -force=full "$ram" >/dev/null 2>&1
check_equal "is not formatted" "1 0" "$(counts 3 sense_7/27/00 formats)"

# BD-RE: sold unformatted.
drive_as 4 bd-re,blank,blocks=16384
blue=$(drive_sr 4)
check "a new BD-RE" says 'unformatted:' dvd+rw-mediainfo "$blue"
check "growisofs formats it" says 'pre-formatting blank BD-RE' growisofs -Z "$blue=$small"
check "what was written to it" holds "$blue" "$small"
check "with the fewest spares" test "$(drive_get @4 blocks)" -gt 16384
check "without spare areas" says formatting dvd+rw-format -ssa=none "$blue"
check "is largest" test "$(drive_get @4 blocks)" -gt 17000
check "xorriso formats it by size" says 'Formatting done' xorriso -outdev "$blue" -format by_index_1
check_equal "to the usual one" "16384 0" "$(counts 4 blocks writes_rejected)"

# CD-RW: blanked in a hurry or in full, and recorded from its start on.
drive_as 0 cdrw,blocks=8192
cd=$(drive_sr 0)
check "cdrskin blanks a CD-RW" tool cdrskin -v "dev=$cd" blank=fast
check_equal "nothing is left" "1 0" "$(counts 0 blanks blocks)"
check "cdrskin records" tool cdrskin -v "dev=$cd" -tao "$small"
drive_ctl eject
drive_ctl load
check "what it recorded" holds "$cd" "$small"
check "xorriso blanks it in full" says 'Blanking done' xorriso -outdev "$cd" -blank all
check_equal "nothing was refused" "0 0" "$(counts 0 blocks writes_rejected)"

# Mount Rainier: the kernel asks a drive that it sees anew, and restarts what was stopped.
drive_ctl @0 unplug
gone() { [ -z "$(drive_sr 0)" ]; }
wait_for 20 gone
drive_ctl @0 reset cdrw,mrw,state=stopped,blocks=8192
drive_ctl @0 plug
wait_for 20 drive_is_there 0
cd=$(drive_sr 0)
drive_ctl @0 reset-stats
drive_ctl @0 set format-time=100000
check "a single block is written" put "$cd" 5 a 1
check_equal "the kernel began and stopped the format" "1 1" "$(counts 0 restarts closes)"
check_equal "the block is there" "0 a 0" \
	"$(character "$cd" 4) $(character "$cd" 5) $(character "$cd" 6)"
check_equal "nothing was refused to the kernel" 0 "$(drive_get @0 writes_rejected)"
drive_ctl @0 reset
drive_ctl @0 unplug
wait_for 20 gone
drive_ctl @0 plug
check "a drive as before" wait_for 20 drive_is_there 0
check_equal "can be opened" ok "$(read_write "$(drive_sr 0)")"
ktap_finished
