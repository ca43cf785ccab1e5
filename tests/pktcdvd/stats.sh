#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-timeout: 180
#
# What the driver tells about itself: counters, links, the info file, events; held against what
# device mapper counts below it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 44
clean_up
ram=$(new_ram size=4M)
dm plain linear "$ram" 0
lower=/dev/mapper/plain
dm=$(basename "$(sysfs $lower)")
name=$(map $lower packet_size=64K)
node=$(node "$name")
stat=$PKT/$name/stat
block=/sys/block/$name/packet

# counters NAME...: their values.
counters() {
	local file values=()
	for file; do
		values+=("$(cat "$stat/$file")")
	done
	echo "${values[*]}"
}

# below FIELD...: fields of what device mapper counted: 1 reads, 3 sectors read, 5 writes, 7
# sectors written.
below() {
	awk -v fields="$*" '{
		n = split(fields, f, " ")
		for (i = 1; i <= n; i++)
			printf "%s%s", $f[i], i < n ? " " : "\n"
	}' "/sys/block/$dm/stat"
}

# write START-KIB BYTES: one direct write.
write() {
	python3 -c '
import sys; sys.path.insert(0, sys.argv[1])
from disk import Disk
Disk(sys.argv[2]).write(int(sys.argv[3]) << 10, b"x" * int(sys.argv[4]))' \
		"$LIB" "$node" "$1" "$2"
}

# fresh: all counters at zero, and what is below is remembered.
fresh() {
	echo 1 >"$1"
	base=$(below 1 3 5 7)
}

# since: what happened below since then.
since() {
	paste -d ' ' <(echo "$base") <(below 1 3 5 7) |
		awk '{ print $5 - $1, $6 - $2, $7 - $3, $8 - $4 }'
}

all="packets_started packets_finished packets_full packets_failed kb_written kb_read_gather"
fresh "$stat/reset"
# shellcheck disable=SC2086 # a list
check_equal "counters start at zero" "0 0 0 0 0 0" "$(counters $all)"
write 0 65536
# shellcheck disable=SC2086 # a list
check_equal "a whole packet" "1 1 1 0 64 0" "$(counters $all)"
check_equal "below: one write of it" "0 0 1 128" "$(since)"
fresh "$block/reset_stat"
# shellcheck disable=SC2086 # a list
check_equal "the other reset works" "0 0 0 0 0 0" "$(counters $all)"
write 128 2048
# shellcheck disable=SC2086 # a list
check_equal "the first frame of a packet" "1 1 0 0 2 62" "$(counters $all)"
check_equal "below: one read of the others, one write" "1 124 1 128" "$(since)"
fresh "$stat/reset"
write 136 4096
# shellcheck disable=SC2086 # a list
check_equal "more of a packet that is in memory" "1 1 0 0 4 0" "$(counters $all)"
check_equal "below: one write" "0 0 1 128" "$(since)"
fresh "$stat/reset"
write 192 262144
# shellcheck disable=SC2086 # a list
check_equal "four packets" "4 4 4 0 256 0" "$(counters $all)"
check_equal "below: four writes" "0 0 4 512" "$(since)"
fresh "$stat/reset"
dd if="$node" of=/dev/null bs=64K count=1 skip=60 iflag=direct status=none
check_equal "a read" "64 0" "$(counters kb_read cache_hits)"
check_equal "below: the same" "1 128" "$(since | cut -d ' ' -f 1,2)"
fresh "$stat/reset"
dd if="$node" of=/dev/null bs=4K count=1 skip=34 iflag=direct status=none
check_equal "a read of what is in memory" "4 1" "$(counters kb_read cache_hits)"
check_equal "below: nothing" "0 0 0 0" "$(since)"
fresh "$stat/reset"
sync_twice() {
	python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
os.fsync(fd)
os.fsync(fd)' "$node"
}
sync_twice
check_equal "one flush for two fsyncs" 1 "$(counters flushes)"
check_equal "the queue is empty" 0 "$(attribute "$name" write_queue/size)"
check_equal "no errors" "0 0" "$(counters packets_failed errors)"

# Many writes at once: the counters agree with each other, and with what is below.
fresh "$stat/reset"
fio --name=many --filename="$node" --direct=1 --rw=randwrite --bsrange=2k-24k --ioengine=libaio \
	--iodepth=32 --size=4M --io_size=2M --blockalign=2k --output-format=json \
	>"$RBLK_SCRATCH/fio"
check "as many packets were finished as were started" \
	test "$(counters packets_started)" = "$(counters packets_finished)"
agree() {
	local r rs w ws
	read -r r rs w ws <<<"$(since)"
	echo "below: $r reads of $rs sectors, $w writes of $ws sectors"
	echo "counters: $(counters packets_finished kb_read_gather kb_read)"
	[ "$w" = "$(counters packets_finished)" ] && [ "$ws" = $((w * 128)) ] &&
		[ $((rs / 2)) = $(($(counters kb_read_gather) + $(counters kb_read))) ]
}
check "they agree with what device mapper counts" agree
check_equal "all that was written is counted" \
	"$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["jobs"][0]["write"]["io_kbytes"])' "$RBLK_SCRATCH/fio")" "$(counters kb_written)"
check "the queue was longer than one" test "$(counters queue_max)" -gt 1
reset_under_load() {
	fio --name=load --filename="$node" --direct=1 --rw=randwrite --bs=2k --ioengine=libaio \
		--iodepth=16 --size=4M --time_based --runtime=3 >/dev/null &
	while kill -0 $! 2>/dev/null; do
		echo 1 >"$stat/reset" && echo >"$block/reset_stat" || return
	done
	wait $! && echo 1 >"$stat/reset" && [ "$(counters kb_written)" = 0 ]
}
check "reset under load" reset_under_load

# The layout of the original proposal.
check "packet/stat tells the same" grep -q "packets started:	$(counters packets_started)\$" \
	"$block/stat"
check_equal "packet/mapped_to leads to the lower device" "$(realpath "/sys/block/$dm")" \
	"$(realpath "$block/mapped_to")"
check_equal "so does mapped_to of the class" "$(realpath "/sys/block/$dm")" \
	"$(realpath "$PKT/$name/mapped_to")"
check_equal "the lower device has no holders, which mkudffs takes for partitions" "" \
	"$(ls -A "/sys/block/$name/slaves")"
check_equal "the marks show in both" "9000 10000 9000 10000" \
	"$(cat "$block"/write_congestion_{off,on} "$PKT/$name"/write_queue/congestion_{off,on} |
		tr '\n' ' ' | sed 's/ $//')"

# What user space learns of the disk.
queue=/sys/block/$name/queue
check_equal "blocks of 2048 bytes" "2048 65536 65536" \
	"$(cat "$queue/logical_block_size" "$queue/minimum_io_size" "$queue/optimal_io_size" |
		paste -sd ' ')"
check_equal "with a cache that may be flushed" "write back" "$(cat "$queue/write_cache")"
check_equal "device_map" "$name $(number "$node") $(number $lower)" "$(cat $PKT/device_map)"

# The info file, line by line as the C driver had it, with what is new.
info=/sys/kernel/debug/pktcdvd/$name/info
check_equal "the info file names the lower device" "Writer $name mapped to $dm:" \
	"$(head -n 1 "$info")"
while read -r line; do
	check "info: $line" grep -qP "^$line\$" "$info"
done <<'END'
\tpacket size:\t\t64kB
\tpackets started:\t\d+
\tread gather:\t\t\d+kB
\treference count:\t0
\tbios queued:\t\t0
\tcurrent sector:\t\t0x[0-9a-f]+
\tstate:\t\t\ti:8 ow:0 rw:0 ww:0 rec:0 fin:0\s*
\tWrite congestion marks:\toff=9000 on=10000
END

# Events. First, what the random writers have left in memory goes: no more than eight packets are there.
write 2048 1048576
check_equal "there are events" \
	"pkt_congestion pkt_error pkt_flush pkt_gather pkt_state pkt_write" \
	"$(cd $TRACE/events/pktcdvd && printf '%s\n' pkt_* | paste -sd ' ')"
below=$(number $lower)
echo "dev == $((${below%:*} << 20 | ${below#*:}))" >$TRACE/events/block/block_bio_queue/filter
trace_on pkt_write pkt_gather pkt_state pkt_flush
echo 1 >$TRACE/events/block/block_bio_queue/enable
write 1024 6144
write 1536 65536
sync_twice
echo 0 >$TRACE/events/block/block_bio_queue/enable
trace_off >"$RBLK_SCRATCH/events"
check "a gather" grep -q "pkt_gather: dev=$(number "$node") sector=2060 sectors=116\$" \
	"$RBLK_SCRATCH/events"
check_equal "the life of a packet" "idle -> waiting waiting -> reading reading -> writing \
writing -> done done -> idle" "$(sed -n 's/.*pkt_state:.*zone=2048 //p' \
	"$RBLK_SCRATCH/events" | tr '\n' ' ' | sed 's/ $//')"
check "a flush" grep -q "pkt_flush: dev=$(number "$node") status=0" "$RBLK_SCRATCH/events"
check_equal "the writes it tells of are those that the lower device gets" \
	"$(sed -n 's/.*block_bio_queue:.* W[A-Z]* \([0-9]*\) + 128 .*/\1/p' \
		"$RBLK_SCRATCH/events" | tr '\n' ' ')" \
	"$(sed -n 's/.*pkt_write:.*zone=\([0-9]*\) frames=32$/\1/p' \
		"$RBLK_SCRATCH/events" | tr '\n' ' ')"
unmap "$name"
clean_up
ktap_finished
