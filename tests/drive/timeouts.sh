#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 80
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# With the module scsi_timeouts, a command that hangs meets the SCSI layer's error handler.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 13
drive_as 0 dvdram,blocks=8192
drive_as 1 dvd+rw
disc=$(drive_sr 0) other=$(drive_sr 1)
timeout=/sys/block/${disc#/dev/}/queue/io_timeout

hung() { [ "$(drive_get faults)" -ge "$1" ]; }
echo 1000 >"$timeout"
drive_ctl fault op=write act=hang
put "$disc" 0 a 16 &
writer=$!
wait_for 20 hung 1
sleep 3
check "without it, a command hangs for ever" kill -0 "$writer"
check_equal "and is not aborted" 0 "$(drive_get aborts)"
drive_ctl release
check "until it is released" wait "$writer"

check "commands may time out" modprobe scsi_timeouts
drive_ctl fault op=write act=hang
check "a command that hangs once is aborted and repeated" timeout "$(patience 60)" bash -c "
	$(declare -f put pattern); BLOCK=$BLOCK; put $disc 16 b 16"
check "once, or more often if the drive is late" test "$(drive_get aborts)" -ge 1
check_equal "and done" b "$(character "$disc" 16)"

drive_ctl fault op=write count=inf act=hang
put "$disc" 32 c 16 2>"$RBLK_SCRATCH/errors" &
writer=$!
wait_for 20 hung 3
check "another drive works meanwhile" timeout "$(patience 20)" dd if="$other" of=/dev/null bs=2k count=16 iflag=direct
wait_for 60 sh -c "! kill -0 $writer"
check_fails "one that always hangs fails" wait "$writer"
check "with an error of I/O" grep -q 'Input/output error' "$RBLK_SCRATCH/errors"
drive_ctl fault clear
check "after that the drive works" put "$disc" 32 d 16
check_equal "as before" d "$(character "$disc" 32)"
echo 30000 >"$timeout"
check "commands wait again" rmmod scsi_timeouts
ktap_finished
