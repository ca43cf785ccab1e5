#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 150
#
# What was wrong with the C driver, one by one, where no other test has it: the numbers are those of
# the table in Documentation/testing.rst.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 34
fresh 0
order reset-stats

# How data finds its packets.
check_equal "G1: a write of many packets, from the middle of one" "ok ok ok" \
	"$(disk "$node" rw write:6144:1048576:a fsync check:6144:1048576:a)"
check_equal "G2: blocks are written where they belong" "ok ok ok ok ok ok" \
	"$(disk "$node" rw write:2097152:65536:a write:2103296:2048:b write:2152448:4096:c \
		check:2097152:6144:a check:2103296:2048:b check:2105344:47104:a)"
check_equal "G2: on the disc, too" "ok ok ok ok" \
	"$(disk "$sr" ro check:2097152:6144:a check:2103296:2048:b check:2105344:47104:a check:2152448:4096:c)"
closes() {
	python3 -SE -c '
import os, sys
for i in range(50):
    fd = os.open(sys.argv[1], os.O_RDWR)
    for packet in range(4):
        os.pwrite(fd, bytes([i]) * 2048, packet << 20 | i * 2048)
    os.close(fd)
for i in range(50):
    fd = os.open(sys.argv[1], os.O_RDONLY)
    assert os.pread(fd, 2048, 3 << 20 | i * 2048) == bytes([i]) * 2048, i
    os.close(fd)
' "$node"
}
check "G6: a close right after writes, fifty times" closes
check_equal "G6: leaves nothing in the drive's cache" 0 "$(get cache)"

# Errors are told as they are.
check_equal "G9: the sense of a command that fails is that of the drive" "EIO 5/20/00" \
	"$(python3 "$OPTICAL/sense.py" "$node" bd00)"
check_equal "G9: one that succeeds has none" ok "$(python3 "$OPTICAL/sense.py" "$node" 00)"
order fault op=write act=sense:4/44/00 count=inf
dmesg -C
check_equal "G9: a write that fails, with the error for that sense" EREMOTEIO "$(disk "$node" rw write:0:2048:x)"
check "G9: is told in the log" sh -c "dmesg | grep -q '$name: write of packet at sector 0 failed'"
order fault clear

# Waiting.
echo 10000000 >"$PKT/$name/packet_wait_us"
# One that waits takes ten seconds each time. Any other may take that long when the machine is busy,
# but not whenever it is tried.
lone() {
	python3 -SE -c '
import mmap, os, sys, time
direct = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
cached = os.open(sys.argv[1], os.O_RDWR)
block = mmap.mmap(-1, 2048)

def write(at):
    os.pwritev(direct, [block], at)

def keep(at):
    os.pwrite(cached, bytes(2048), at)
    os.fsync(cached)

def time_of(act, at):
    start = time.monotonic()
    act(at)
    took = time.monotonic() - start
    print(act.__name__, at, took)
    return took

for act, at in (write, 4096), (write, 1050624), (write, 3147776), (keep, 8192):
    if not any(time_of(act, at) < 9 for _ in range(4)):
        sys.exit(1)
' "$1"
}
check "G14: lone direct writes, and what waits for fsync, do not wait for more to come" lone "$node"
echo 5000 >"$PKT/$name/packet_wait_us"
gathers() {
	echo 1 >"$PKT/$name/stat/reset"
	order reset-stats
	disk "$node" rw write:8404992:2048:e
	ktap_msg "reads $(get reads), blocks $(get read_blocks), gathered" \
		"$(attribute "$name" stat/kb_read_gather) KiB" >&2
	[ "$(attribute "$name" stat/kb_read_gather)" -le 64 ] && [ "$(get reads)" = 1 ]
}
check "G14: what is missing of a packet is read at once" gathers
echo 1 >"$PKT/$name/stat/reset"
check_equal "G14: what is in memory is not read from the drive" "ok ok" \
	"$(disk "$node" rw write:8388608:65536:f check:8390656:2048:f)"
check "G14: but from there" test "$(attribute "$name" stat/cache_hits)" -ge 1
# The stream goes on until the reader has had its turn, or far too long.
order set slow=30
order reset-stats
fio --name=w --filename="$node" --direct=1 --rw=write --bs=64k --size=8M --ioengine=libaio --iodepth=64 \
	--time_based --runtime="$(patience 60)" >"$RBLK_SCRATCH/fio" 2>&1 &
stream=$!
flows() { [ "$(get writes)" -ge 8 ]; }
check "G14: a stream is written" within 30 flows
check_equal "G14: a reader gets its turn" "ok" \
	"$(timeout "$(patience 30)" python3 "$OPTICAL/disk.py" "$node" ro read:16777216:2048)"
check "G14: with the stream not yet over" kill -INT $stream
wait $stream
check "G14: the stream is not hurt by that" grep -q 'err= 0' "$RBLK_SCRATCH/fio"
order set slow=0

# Discards.
order reset-stats
check "G17: packets are discarded" blkdiscard -o 8M -l 128K "$node"
check_equal "G17: the drive is not asked" 0 "$(get writes)"

# Counters.
echo 1 >"$PKT/$name/stat/reset"
order reset-stats
check "G19: many writes at once" fio --name=w --filename="$node" --direct=1 --rw=randwrite --bs=6k --size=4M \
	--io_size=512k --ioengine=libaio --iodepth=32
agree() {
	echo "packets $(attribute "$name" stat/packets_finished), drive $(get writes)"
	[ "$(attribute "$name" stat/packets_finished)" = "$(get writes)" ] && [ "$(get writes)" -gt 0 ]
}
check "G19: packets that were finished are those that the drive has got" agree
check_equal "G19: all that was written is counted" 516 "$(attribute "$name" stat/kb_written)"
order fault op=write act=sense:4/44/00 count=inf
disk "$node" rw write:0:2048:x >/dev/null
order fault clear
check_equal "G19: a packet that failed is none that was finished" 1 "$(attribute "$name" stat/packets_failed)"
check "G19: so the counters still agree" agree

# Speed. Somebody has set another.
"$top/tests/drive/lib/mmc.py" "$sr" send bb0001610161000000000000
check_equal "G27: the drive is slow" 353 "$(get write_speed)"
order reset-stats
check_equal "G27: reading and writing in turns" "ok ok ok ok" \
	"$(disk "$node" rw write:0:65536:g read:8388608:1048576 write:65536:65536:g read:9437184:1048576)"
# What a disc of this kind has pressed into it: 10 times 176 kB/s.
check_equal "G27: the speed is set once, to that of the disc, and given back" "2 0 1764" \
	"$(get speed_sets) $(get streaming_sets) $(get write_speed)"
check_equal "G28: the drive is not made to calibrate its laser" "ok 0" "$(disk "$node" rw) $(get opc)"

# Limits of the queue below.
kb=$(cat "/sys/block/${sr##*/}/queue/max_sectors_kb")
order reset-stats
echo 32 >"/sys/block/${sr##*/}/queue/max_sectors_kb"
check_equal "G34: a drive that would get parts of packets is not written" EIO "$(disk "$node" rw)"
echo "$kb" >"/sys/block/${sr##*/}/queue/max_sectors_kb"
check_equal "G34: nor after that limit came while it is open" "ok rc=0 EINVAL" \
	"$(disk "$node" rw write:0:65536:h "run:echo 32 >/sys/block/${sr##*/}/queue/max_sectors_kb" write:65536:2048:h)"
echo "$kb" >"/sys/block/${sr##*/}/queue/max_sectors_kb"
check_equal "G34: no part of a packet was written" "0 0" "$(get writes_partial) $(get writes_rejected)"
check_equal "G34: with the limit gone, it works" "ok ok" "$(disk "$node" rw write:65536:2048:h fsync)"

# Events.
order reset-stats
trace_on pkt_write
disk "$node" rw write:0:262144:i write:524288:2048:i >/dev/null
trace_off >"$RBLK_SCRATCH/events"
check_equal "G35: each write to the drive is an event" "$(get writes)" "$(grep -c pkt_write "$RBLK_SCRATCH/events")"
check "the drive is pleased with all that" faultless
clean_up
ktap_finished
