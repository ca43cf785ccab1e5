#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# A packet device holds what was written, and so does what is under it: compared with a model.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 21
clean_up
operations=${RBLK_OPERATIONS:-60}
seed=${RBLK_SEED:-1}
ktap_msg "seed $seed"

# model TITLE LOWER PACKET-KIB OFFSET [ADD-OPTIONS]: the last part compares with the lower device,
# once nothing is mapped any more.
model() {
	local title=$1 lower=$2 packet=$3 offset=$4 name
	shift 4
	name=$(map "$lower" "packet_size=${packet}K offset=$offset $*") || return
	check "model, $title" "$LIB/model.py" "$(node "$name")" $((packet << 10)) "$offset" \
		"$seed" "$operations" "$RBLK_SCRATCH/model"
	unmap "$name"
	check "lower device, $title" read_back "$lower" "$RBLK_SCRATCH/model"
}

# A loop device, since a RAM disk does not take 256 KiB at once.
truncate -s 4M "$RBLK_SCRATCH/disk"
lower=$(losetup -f --show "$RBLK_SCRATCH/disk")
# Not zeroes: what must be left alone can be seen to be.
random_file "$RBLK_SCRATCH/old" $((4 << 20))
for packet in 2 32 64 96 256; do
	dd if="$RBLK_SCRATCH/old" of="$lower" bs=1M oflag=direct status=none
	model "packets of $packet KiB" "$lower" "$packet" 0
done
dd if="$RBLK_SCRATCH/old" of="$lower" bs=1M oflag=direct status=none
model "64 KiB, from an odd offset on" "$lower" 64 6144
check "what lies in front is untouched" cmp -n 6144 "$lower" "$RBLK_SCRATCH/old"
# From 6 KiB on, 4 MiB are 42 packets of 96 KiB and a rest.
dd if="$RBLK_SCRATCH/old" of="$lower" bs=1M oflag=direct status=none
model "96 KiB, from an odd offset on, two buffers" "$lower" 96 6144 packet_buffers=2
check "what lies behind the last packet is untouched" cmp -i $((6144 + 42 * 98304)) \
	"$lower" "$RBLK_SCRATCH/old"

# In front of the first packet: reads work, writes do not.
dd if="$RBLK_SCRATCH/old" of="$lower" bs=1M oflag=direct status=none
name=$(map "$lower" "packet_size=64K offset=65536")
check "in front of the first packet, a read" cmp -n 65536 "$lower" "$(node "$name")"
check_fails "a write" dd if=/dev/zero of="$(node "$name")" bs=2k count=1 oflag=direct \
	conv=notrunc
unmap "$name"
check "which leaves no trace" cmp -n 65536 "$lower" "$RBLK_SCRATCH/old"

# Packets queue up, and reads find them in every state.
slow=$(delayed "$lower" 1 4)
name=$(map "$slow" "packet_size=64K packet_buffers=4")
check "slow device, readers and writers of the same frames" "$LIB/frames.py" \
	"$(node "$name")" 512 12 4 300 200 "$seed"

# Of writes that overlap, the one submitted later wins.
check "overlapping writes in one submission" "$LIB/overlap.py" "$(node "$name")" 65536 20 64 "$seed"
unmap "$name"
clean_up
ktap_finished
