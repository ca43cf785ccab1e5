#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 200
#
# fio writes and verifies: with the sizes that file systems write, with requests of more than one
# packet, past the page cache and through it; and finds the same when all was closed.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

# Packets of 64 and of 32 KiB on drives that take turns, and packets on one that does not.
drives=(0 1 4)
ktap_plan $((8 * ${#drives[@]}))

# job OPTIONS: one job on the device that is mapped.
job() {
	fio --name=job --filename="$node" --direct=1 --size=4M --verify=crc32c \
		--verify_fatal=1 --group_reporting "$@"
}

# jobs TITLE OPTIONS: write and verify, and again after a close.
jobs() {
	local title="${ALL_DRIVES[$drive]}: $1"
	shift
	check "$title" job --do_verify=1 "$@"
	check "$title, after a close" job --verify_only "$@"
}

for n in "${drives[@]}"; do
	fresh "$n"
	order reset-stats
	jobs "blocks of 2 KiB at random" --ioengine=libaio --iodepth=32 --rw=randwrite --bs=2k --io_size=512k
	jobs "G1: up to 512 KiB at random" --ioengine=libaio --iodepth=8 --rw=randwrite --bsrange=2k-512k \
		--blockalign=2k
	jobs "through the page cache" --direct=0 --ioengine=psync --rw=randwrite --bsrange=1k-30k \
		--bs_unaligned --end_fsync=1
	check "${ALL_DRIVES[$n]}: readers and writers" job --ioengine=libaio --iodepth=16 --rw=randrw \
		--bs=4k --io_size=512k --do_verify=1
	check "${ALL_DRIVES[$n]}: the drive is pleased" faultless
done
clean_up
ktap_finished
