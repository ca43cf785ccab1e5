#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 180
#
# The congestion marks: they hold writers back, let all of them go on, and never hold up a reader.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 30
clean_up

ram=$(new_ram size=4M)
# Reads are fast, writes take two seconds, and there is room for two at a time.
slow=$(delayed "$ram" 0 2000)
name=$(map "$slow" "packet_size=64K packet_buffers=2")
node=$(node "$name")
class=$PKT/$name/write_queue
block=/sys/block/$name/packet

marks() {
	echo "$(cat "$class/congestion_off"),$(cat "$class/congestion_on")"
}

set_marks() {
	echo 1000000 >"$class/congestion_on" && echo "$1" >"$class/congestion_off" &&
		echo "$2" >"$class/congestion_on"
}

# All of what may be written to them is tried without a kernel, in tests/host.
check_equal "default marks" 9000,10000 "$(marks)"
while read -r layout file value wanted; do
	check "${layout##*/}_$file := $value" write_to "${layout}_$file" "$value"
	check_equal "gives $wanted" "$wanted $wanted" "$(marks) \
$(cat "$block/write_congestion_off"),$(cat "$block/write_congestion_on")"
done <<END
$class/congestion on 600 500,600
$block/write_congestion off 50 100,600
END

# writers NUMBER: so many writes at once, in the background, as $writers.
writers() {
	fio --name=writers --filename="$node" --direct=1 --rw=randwrite --bs=2k \
		--ioengine=libaio --iodepth="$1" --number_ios="$1" >"$RBLK_SCRATCH/fio" 2>&1 &
	writers=$!
}

size() {
	cat "$class/size"
}

size_is() {
	test "$(size)" "$@"
}

# The longest queue that can be seen from outside until the writers are done.
longest() {
	local longest=0 size
	while kill -0 "$writers" 2>/dev/null; do
		size=$(size)
		[ "$size" -le "$longest" ] || longest=$size
	done
	echo "$longest"
}

finished() {
	! kill -0 "$writers" 2>/dev/null
}

held_back() {
	grep pkt_congestion "$TRACE/trace" | tail -n 1 | grep -q 'on$'
}

slowly() {
	dm_switch "${slow##*/}" delay "$ram" 0 0 "$ram" 0 "$1"
}

set_marks 100 500
echo 1 >"$PKT/$name/stat/reset"
trace_on pkt_congestion
writers 2000
# Packets that begin later take some of it with them, so it may be that long for a moment only.
grown() {
	[ "$(attribute "$name" stat/queue_max)" = 500 ]
}
check "the queue grows up to its mark" within 30 grown
check "writers are held back" within 5 held_back
check "a read is not" timeout "$(patience 10)" dd if="$node" of=/dev/null bs=64K count=1 skip=7 iflag=direct
check "the writers are, still" held_back
# The queue gets shorter more slowly than writers fill it, on any machine.
held_back_again() {
	[ "$(grep -c 'pkt_congestion:.* on$' "$TRACE/trace")" -ge 2 ]
}
slowly 100
check "once they go on they are held back again" within 60 held_back_again
slowly 20
seen=$(longest)
wait "$writers"
check_equal "all of them finish" 0 $?
ktap_msg "the longest queue seen: $seen"
check "the queue never grew above its mark" test "$seen" -le 500
check_equal "not even for a moment" 500 "$(attribute "$name" stat/queue_max)"
trace_off >"$RBLK_SCRATCH/trace"
# On at the upper mark, off at the lower one, in turn, off last.
turns() {
	awk '
		/pkt_congestion/ {
			size = $0; sub(/.*size=/, "", size); size += 0
			on = $NF == "on"
			if (on == was || (on && size != 500) || (!on && size > 100))
				exit bad = 1
			was = on; n++
		}
		END { exit bad || was || n < 4 }
	' "$RBLK_SCRATCH/trace" || { cat "$RBLK_SCRATCH/trace"; return 1; }
}
check "writers stop at the upper mark and go on below the lower one" turns

# The marks change while writers wait. Nothing ends while the lower device is suspended: what is
# seen then, stays. What the block layer was given is counted by its own events.
slowly 2
freeze() {
	dmsetup suspend --noflush --nolockfs "${slow##*/}"
}
thaw() {
	dmsetup resume "${slow##*/}"
}
number=$(number "$node")
given() {
	[ "$(grep -c block_bio_queue "$TRACE/trace")" -ge "$1" ]
}
frozen() {
	set_marks 100 500
	freeze
	echo >$TRACE/trace
	writers 1200
	check "$1: all writes are submitted" within 60 given 1200
	check "no more are admitted than the mark allows" within 10 held_at_500
}
held_at_500() {
	local size
	size=$(size)
	echo "$size are queued"
	[ "$size" -gt 400 ] && [ "$size" -le 500 ]
}
# Without an error: fio ends with 1 if any write had one.
all_finish() {
	within 60 finished && wait "$writers"
}
echo "dev == $((${number%:*} << 20 | ${number#*:}))" >$TRACE/events/block/block_bio_queue/filter
echo 1 >$TRACE/events/block/block_bio_queue/enable
echo 1 >$TRACE/tracing_on
# let_go TITLE ON OFF: after that, they do not wait any more.
let_go() {
	frozen "$1"
	echo "$2" >"$class/congestion_on"
	echo "$3" >"$class/congestion_off"
	check "writers go on" within 10 size_is -gt 900
	thaw
	check "and all of them finish" all_finish
}
let_go "no marks" 0 0
let_go "higher marks" 1000000 900000
# finish_with TITLE ON OFF: they go on when the lower device does.
finish_with() {
	frozen "$1"
	echo "$2" >"$class/congestion_on"
	echo "$3" >"$class/congestion_off"
	thaw
	check "all finish" all_finish
}
finish_with "a lower mark that goes up" 500 400
finish_with "an upper mark that goes up" 600 100
echo 0 >$TRACE/events/block/block_bio_queue/enable
storm() {
	local i
	set_marks 100 500
	writers 2000
	for ((i = 0; i < 100; i++)); do
		echo $((RANDOM % 4 * 500)) >"$class/congestion_on"
		echo $((RANDOM % 900)) >"$class/congestion_off"
	done
	all_finish
}
check "marks that change all the time" storm
check_equal "the queue is empty" 0 "$(size)"
unmap "$name"
clean_up
ktap_finished
