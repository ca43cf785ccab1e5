#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# fio writes, reads and verifies, with many requests at once; and finds the same after the device
# was mapped anew.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 16
clean_up
size=6M
ram=$(new_ram size=8M)
slow=$(delayed "$(new_ram size=8M)" 1 3)

# job OPTIONS: one fio job on the device that is mapped.
job() {
	fio --name=job --filename="$(node "$name")" --direct=1 --size="$size" --verify=crc32c \
		--verify_fatal=1 --group_reporting "$@"
}

# jobs TITLE LOWER ADD-OPTIONS OPTIONS: write and verify; the same again after a remap, with
# nothing in memory; and with another size of packets.
jobs() {
	local title=$1 lower=$2 options=$3
	shift 3
	name=$(map "$lower" "$options")
	check "$title" job --do_verify=1 "$@"
	unmap "$name"
	name=$(map "$lower" packet_size=32K)
	check "$title, mapped anew" job --verify_only "$@"
	unmap "$name"
}

jobs "random 2 KiB, libaio" "$ram" packet_size=64K \
	--ioengine=libaio --iodepth=32 --rw=randwrite --bs=2k --io_size=1M
jobs "random 2 to 200 KiB, io_uring" "$ram" packet_size=64K \
	--ioengine=io_uring --iodepth=16 --rw=randwrite --bsrange=2k-200k --blockalign=2k
jobs "a slow device" "$slow" "packet_size=64K packet_buffers=4" \
	--ioengine=libaio --iodepth=64 --rw=randwrite --bs=6k
jobs "packets of 2 KiB" "$ram" packet_size=2K \
	--ioengine=libaio --iodepth=16 --rw=randwrite --bs=8k --io_size=1M
jobs "in order, 1 MiB" "$ram" "packet_size=96K" --ioengine=libaio --iodepth=4 --rw=write --bs=1M
jobs "through the page cache" "$ram" packet_size=64K \
	--direct=0 --ioengine=psync --rw=randwrite --bsrange=1k-30k --bs_unaligned --end_fsync=1
name=$(map "$slow" "packet_size=64K packet_buffers=3")
check "readers and writers" job --ioengine=libaio --iodepth=16 --rw=randrw --bs=4k --io_size=1M \
	--do_verify=1
check "writers that each fsync, of halves of their own" fio --filename="$(node "$name")" \
	--direct=1 --verify=crc32c --verify_fatal=1 --do_verify=1 --rw=randwrite --bs=2k \
	--ioengine=libaio --iodepth=8 --fsync=16 --io_size=256k \
	--name=first --offset=0 --size=2M --name=second --offset=2M --size=2M
check "writers that discard, each packets of its own" "$LIB/discards.py" "$(node "$name")" 65536 \
	4 100 "${RBLK_SEED:-1}" "$RBLK_SCRATCH/model"
unmap "$name"
check "below, too" read_back "$slow" "$RBLK_SCRATCH/model"
clean_up
ktap_finished
