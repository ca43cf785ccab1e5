#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-quick: yes
# rblk-timeout: 120
# rblk-mem: 2048
#
# What a packet device tells of itself: counters, the info file, links, limits, tracepoints; held
# against what device mapper, and the tracepoints of the block layer, tell of the lower device.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 70
clean_up

# mapped NODE [OPTIONS]: maps it as $name, with $node and $stat.
mapped() {
	name=$(map "$@") && node=$(node "$name") && stat=$PKT/$name/stat
}

# One direct IO of LENGTH KiB at START KiB; a frame has 2 KiB, a packet 64 KiB if not told
# otherwise.
write_kb() {
	dd if=/dev/urandom of="$node" bs="$2K" count=1 seek="$1K" iflag=fullblock \
		oflag="direct,seek_bytes${3:+,$3}" conv=notrunc status=none
}
read_kb() {
	dd if="$node" of=/dev/null bs="$2K" count=1 skip="$1K" iflag=direct,skip_bytes status=none
}

# The counters in the order of the documentation, but for queue_max.
counters() {
	(cd "$stat" && cat packets_{started,finished,full,failed} kb_{written,read,read_gather} \
		cache_hits flushes errors | paste -sd ' ')
}

# counted TITLE COUNTERS COMMAND...: what the command counts.
counted() {
	local title=$1 wanted=$2
	shift 2
	echo 1 >"$stat/reset"
	"$@" 2>/dev/null
	check_equal "$title" "$wanted" "$(counters)"
}

# Packets: started, finished, full, failed. KiB: written, read, gathered. Cache hits, flushes,
# errors.
ram=$(new_ram size=4M)
mapped "$ram"
check_equal "a new device has done nothing" "0 0 0 0 0 0 0 0 0 0" "$(counters)"
counted "a whole packet" "1 1 1 0 64 0 0 0 0 0" write_kb 64 64
counted "sixteen packets" "16 16 16 0 1024 0 0 0 0 0" write_kb 1024 1024
counted "a frame inside a packet" "1 1 0 0 2 0 64 0 0 0" write_kb 138 2
counted "the first frame of a packet" "1 1 0 0 2 0 62 0 0 0" write_kb 192 2
counted "the last frame of a packet" "1 1 0 0 2 0 62 0 0 0" write_kb 318 2
counted "the first half of a packet" "1 1 0 0 32 0 32 0 0 0" write_kb 320 32
counted "halves of two packets" "2 2 0 0 64 0 64 0 0 0" write_kb 416 64
counted "a frame of a packet in memory" "1 1 0 0 2 0 0 0 0 0" write_kb 458 2
counted "all of a packet in memory" "1 1 1 0 64 0 0 0 0 0" write_kb 448 64
counted "a read of it" "0 0 0 0 0 64 0 1 0 0" read_kb 448 64
counted "a read of its last frame" "0 0 0 0 0 2 0 1 0 0" read_kb 510 2
counted "a read of three packets, one in memory" "0 0 0 0 0 192 0 1 0 0" read_kb 448 192
write_kb 1024 512
counted "a read of a packet that eight others have pushed out" "0 0 0 0 0 64 0 0 0 0" \
	read_kb 448 64
counted "a frame of it" "1 1 0 0 2 0 64 0 0 0" write_kb 458 2
counted "a packet through the page cache" "1 1 1 0 64 0 0 0 1 0" \
	dd if=/dev/zero of="$node" bs=64K seek=9 count=1 conv=notrunc,fsync
discard_and_write() {
	blkdiscard -f -o 448K -l 64K "$node" && write_kb 458 2
}
counted "a frame of a packet that was discarded" "1 1 0 0 2 0 0 0 0 0" discard_and_write

# Flushes.
counted "a write, and no fsync" "1 1 1 0 64 0 0 0 0 0" write_kb 0 64
counted "fsync after it" "0 0 0 0 0 0 0 0 1 0" sync "$node"
counted "fsync again" "0 0 0 0 0 0 0 0 0 0" sync "$node"
read_and_sync() {
	read_kb 0 64
	sync "$node"
}
counted "fsync after a read" "0 0 0 0 0 64 0 1 0 0" read_and_sync
counted "a write with O_DSYNC" "1 1 1 0 64 0 0 0 1 0" write_kb 0 64 dsync
counted "fsync after that" "0 0 0 0 0 0 0 0 0 0" sync "$node"

# Both files reset all.
work() {
	write_kb 642 2
	write_kb 642 2
	read_kb 642 2
	sync "$node"
}
echo 1 >"$stat/reset"
work
check_equal "some work" "2 2 0 0 4 2 64 1 1 0" "$(counters)"
check_equal "one write at a time was queued" 1 "$(cat "$stat/queue_max")"

# The texts say the same.
text() {
	printf 'Statistics:\n'
	printf '\tpackets started:\t2\n\tpackets ended:\t\t2\n\twritten:\t\t4kB\n'
	printf '\tread gather:\t\t64kB\n\tread:\t\t\t2kB\n\tfull packets:\t\t0\n'
	printf '\tfailed packets:\t\t0\n\tcache hits:\t\t1\n\tflushes:\t\t1\n'
	printf '\terrors:\t\t\t0\n\tlongest queue:\t\t1\n'
}
info=/sys/kernel/debug/pktcdvd/$name/info
check_equal "packet/stat" "$(text)" "$(cat "/sys/block/$name/packet/stat")"
check_equal "the info file" "$(text)" "$(sed -n '/^Statistics/,/longest queue/p' "$info")"
check_equal "it names the devices" "Writer $name mapped to ${ram##*/}:" "$(head -n 1 "$info")"
# said KEY: a value in the info file.
said() {
	sed -n "s/^\t$1:\t*//p" "$info"
}
check_equal "it tells the settings" "64kB 8 5000us 0" \
	"$(said 'packet size') $(said 'packet buffers') $(said 'packet wait') $(said 'start offset')"
check_equal "that nothing is queued" "0 0" "$(said 'bios queued') $(said 'bios pending')"
check_equal "that all packets are free" "i:8 ow:0 rw:0 ww:0 rec:0 fin:0 " "$(said state)"
check_equal "the marks" "off=9000 on=10000" "$(said 'Write congestion marks')"
check_equal "where the elevator is: behind the packet that was begun last" 0x580 \
	"$(said 'current sector')"
exec 3<"$node" 4<"$node"
check_equal "who has it open" 2 "$(said 'reference count')"
exec 3<&- 4<&-
check_equal "that nobody has" 0 "$(said 'reference count')"
check_equal "nothing waits in write_queue/size" 0 "$(attribute "$name" write_queue/size)"
echo 1 >"/sys/block/$name/packet/reset_stat"
check_equal "packet/reset_stat resets all" "0 0 0 0 0 0 0 0 0 0 0" \
	"$(counters) $(cat "$stat/queue_max")"
work
echo 1 >"$stat/reset"
check_equal "stat/reset, too" "0 0 0 0 0 0 0 0 0 0 0" "$(counters) $(cat "$stat/queue_max")"

# Links.
check_equal "packet/mapped_to" "$(sysfs "$ram")" \
	"$(realpath "/sys/block/$name/packet/mapped_to")"
check_equal "mapped_to of the class" "$(sysfs "$ram")" \
	"$(realpath "$PKT/$name/mapped_to")"

check_equal "the lower device has no holders, which mkudffs takes for partitions" "" \
	"$(ls -A "/sys/block/$name/slaves")"
check_equal "device_map" "$name $(number "$node") $(number "$ram")" "$(cat $PKT/device_map)"

# limits FILE...: of the queue.
limits() {
	(cd "/sys/block/$name/queue" && cat "$@" | paste -sd ' ')
}
LIMITS=(logical_block_size physical_block_size minimum_io_size optimal_io_size chunk_sectors
	discard_granularity)
check_equal "limits" "2048 4096 65536 65536 128 65536" "$(limits "${LIMITS[@]}")"
check_equal "there is a cache to flush" "write back 0" "$(limits write_cache fua)"
check_equal "turns as what is under it" "$(cat "$(sysfs "$ram")/queue/rotational")" \
	"$(limits rotational)"
check_equal "not removable, no partitions, may be written" "0 0" \
	"$(cat "/sys/block/$name/ro" "/sys/block/$name/removable" | paste -sd ' ')"
unmap "$name"
mapped "$ram" packet_size=96K offset=6144
# Packets begin and end at multiples of 6 KiB.
check_equal "limits, packets of 96 KiB" "2048 4096 98304 98304 12 98304" \
	"$(limits "${LIMITS[@]}")"
info=/sys/kernel/debug/pktcdvd/$name/info
check_equal "the info file tells these" "96kB 12" "$(said 'packet size') $(said 'start offset')"
unmap "$name"
large=$(new_ram size=1M block_size=4096)
mapped "$large" packet_size=32K
check_equal "limits, blocks of 4 KiB" "4096 4096 32768 32768 64 32768" "$(limits "${LIMITS[@]}")"
unmap "$name"

# Many writes at once: the counters agree with each other, and with what device mapper counts.
dm plain linear "$ram" 0
mapped /dev/mapper/plain
# Reads, sectors read, writes, sectors written.
below() {
	awk '{ print $1, $3, $5, $7 }' "$(sysfs /dev/mapper/plain)/stat"
}
fio_kb() {
	python3 -SE -c 'import json, sys
print(json.load(open(sys.argv[1]))["jobs"][0]["write"]["io_kbytes"])' "$RBLK_SCRATCH/fio"
}
many_at_once() {
	fio --name=many --filename="$node" --direct=1 --rw=randwrite --bsrange=2k-24k \
		--ioengine=libaio --iodepth=32 --size=4M --io_size=1M --blockalign=2k \
		--output-format=json >"$RBLK_SCRATCH/fio"
}
agree() {
	local started finished written gather sectors writes
	read -r started finished _ _ written _ gather _ <<<"$(counters)"
	echo "counters: $(counters); reads, sectors, writes, sectors: $1; after: $2"
	read -r sectors writes <<<"$(paste -d ' ' <(echo "$1") <(echo "$2") |
		awk '{ print $6 - $2, $7 - $3, $8 - $4 }' | awk '$3 == $2 * 128 { print $1, $2 }')"
	[ "$started" = "$finished" ] && [ "$writes" = "$finished" ] &&
		[ "$sectors" = $((gather * 2)) ] && [ "$written" = "$(fio_kb)" ]
}
echo 1 >"$stat/reset"
before=$(below)
check "many writes at once" many_at_once
check "are counted as device mapper and fio count them" agree "$before" "$(below)"
check "the queue was longer than one" test "$(cat "$stat/queue_max")" -gt 1
# Reset again and again until some hundred writes were made.
reset_under_load() {
	many_at_once &
	for _ in {1..20}; do
		echo 1 >"$stat/reset" && echo >"/sys/block/$name/packet/reset_stat" || return
	done
	wait $! && echo 1 >"$stat/reset" && [ "$(counters)" = "0 0 0 0 0 0 0 0 0 0" ]
}
check "reset under load" reset_under_load
unmap "$name"
dmsetup remove plain

# Faults: the second half of a device.
half=$(($(blockdev --getsz "$ram") / 2))
dmsetup create half --table "0 $half linear $ram 0
$half $half error"
mapped /dev/mapper/half
check_equal "mapped_to of a dm device" "$(sysfs /dev/mapper/half)" \
	"$(realpath "$PKT/$name/mapped_to")"
counted "a read that fails" "0 0 0 0 0 2 0 0 0 1" read_kb 3072 2
counted "a whole packet that fails" "1 0 1 1 64 0 0 0 0 0" write_kb 3072 64
counted "a first frame whose packet cannot be read" "1 0 0 1 2 0 62 0 0 0" write_kb 3072 2
# All at once, and then what is in front of the frame.
counted "another frame" "1 0 0 1 2 0 74 0 0 0" write_kb 3082 2
write_and_read() {
	write_kb 10 2
	read_kb 64 64
}
counted "the good half is not concerned" "1 1 0 0 2 64 64 0 0 0" write_and_read

# Tracepoints.
check_equal "tracepoints" "pkt_congestion pkt_error pkt_flush pkt_gather pkt_state pkt_write" \
	"$(cd $TRACE/events/pktcdvd && echo pkt_*)"
dev=dev=$(packet_number "$name")
# traced COMMAND...: the events of a command.
traced() {
	trace_on pkt_{congestion,error,flush,gather,state,write}
	"$@" 2>/dev/null
	trace_off | sed "s/^.*: \(pkt_[a-z]*: \)$dev /\1/"
}
check_equal "a whole packet" "pkt_state: zone=256 idle -> waiting
pkt_state: zone=256 waiting -> writing
pkt_write: zone=256 frames=32
pkt_state: zone=256 writing -> done
pkt_state: zone=256 done -> idle" "$(traced write_kb 128 64)"
check_equal "a frame, and fsync" "pkt_state: zone=384 idle -> waiting
pkt_state: zone=384 waiting -> reading
pkt_gather: sector=384 sectors=128
pkt_state: zone=384 reading -> writing
pkt_write: zone=384 frames=32
pkt_state: zone=384 writing -> done
pkt_state: zone=384 done -> idle
pkt_flush: status=0" "$(traced write_kb 202 2 dsync)"
lower=$(number /dev/mapper/half)
echo "dev == $((${lower%:*} << 20 | ${lower#*:}))" >$TRACE/events/block/block_bio_queue/filter
echo 1 >$TRACE/events/block/block_bio_queue/enable
traced write_kb 960 192 >"$RBLK_SCRATCH/events"
echo 0 >$TRACE/events/block/block_bio_queue/enable
check_equal "the writes it tells of are those that the lower device gets" \
	"1920 2048 2176, 1920 2048 2176" \
	"$(sed -n 's/.*block_bio_queue:.* W[A-Z]* \([0-9]*\) + 128 .*/\1/p' \
		"$RBLK_SCRATCH/events" | paste -sd ' '), $(
		sed -n 's/.*pkt_write:.*zone=\([0-9]*\) frames=32$/\1/p' "$RBLK_SCRATCH/events" |
			paste -sd ' ')"
check_equal "a packet that cannot be written is tried twice" "pkt_state: zone=6144 idle -> waiting
pkt_state: zone=6144 waiting -> writing
pkt_write: zone=6144 frames=32
pkt_error: sector=6144 write status=-5
pkt_write: zone=6144 frames=32
pkt_error: sector=6144 write status=-5
pkt_state: zone=6144 writing -> failed
pkt_state: zone=6144 failed -> idle" "$(traced write_kb 3072 64)"
check_equal "a frame whose packet cannot be read" "pkt_state: zone=6144 idle -> waiting
pkt_state: zone=6144 waiting -> reading
pkt_gather: sector=6148 sectors=124
pkt_error: sector=6144 gather status=-5
pkt_state: zone=6144 reading -> failed
pkt_state: zone=6144 failed -> idle" "$(traced write_kb 3072 2)"
check_equal "a read that fails" "pkt_error: sector=6160 read status=-5" "$(traced read_kb 3080 2)"
unmap "$name"
dmsetup remove half

# A flush that fails counts, each time. A RAM disk has no cache to flush; a loop device has.
truncate -s 4M "$RBLK_SCRATCH/disk"
loop=$(losetup -f --show "$RBLK_SCRATCH/disk")
dm flaky flakey "$loop" 0 3600 0
mapped /dev/mapper/flaky
write_kb 0 64
dm_switch flaky flakey "$loop" 0 0 3600 1 error_writes
sync_twice() {
	sync "$node"
	sync "$node"
}
counted "fsync that fails twice" "0 0 0 0 0 0 0 0 2 2" sync_twice
dm_switch flaky flakey "$loop" 0 3600 0
counted "fsync that does not fail" "0 0 0 0 0 0 0 0 1 0" sync "$node"
unmap "$name"
dmsetup remove flaky

# More writers than the marks admit: nothing ends before they are stopped.
deep=$(new_ram size=16M)
slow=$(delayed "$deep" 0 20)
mapped "$slow"
dev=dev=$(packet_number "$name")
echo 500 >"$PKT/$name/write_queue/congestion_on"
echo 100 >"$PKT/$name/write_queue/congestion_off"
many() {
	fio --name=many --filename="$node" --direct=1 --ioengine=libaio --iodepth=1024 --bs=2k \
		--rw=write:14k --size=16M --number_ios=1024
}
stopped() { grep -q 'pkt_congestion:' "$TRACE/trace"; }
stop_and_go() {
	dmsetup suspend --noflush --nolockfs "${slow##*/}"
	many &
	within 30 stopped
	dmsetup resume "${slow##*/}"
	wait $!
}
congestion() {
	traced stop_and_go | grep congestion
}
congestion >"$RBLK_SCRATCH/congestion"
alternating() {
	awk '$2 != "size=500" && NR % 2 || $3 != (NR % 2 ? "on" : "off") { exit 1 }
		NR % 2 == 0 { sub("size=", "", $2); if ($2 > 100) exit 1 }
		END { exit NR < 2 }' "$RBLK_SCRATCH/congestion" || { cat "$RBLK_SCRATCH/congestion"; false; }
}
check "writers are stopped at 500, and go on at 100" alternating
check_equal "no more than that were queued" 500 "$(cat "$stat/queue_max")"
unmap "$name"
clean_up
ktap_finished
