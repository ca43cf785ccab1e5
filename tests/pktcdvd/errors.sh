#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 240
# rblk-leaks: yes
#
# A lower device that fails: every failure is reported, with its error, and nothing that was
# reported as written is lost; when the fault is gone, the device works.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 80
clean_up
seed=${RBLK_SEED:-1}
random_file "$RBLK_SCRATCH/old" 1M
random_file "$RBLK_SCRATCH/new" 1M
faults=/sys/kernel/debug/fail_make_request

# io write|read|fsync NODE START BYTES [sync]: one direct IO of "new" from the file, or into nothing;
# prints the errno, or ok, or nothing if the helper has died. One process does all of them, one by
# one.
coproc IO { exec "$LIB/io.py" "$RBLK_SCRATCH/new"; }
io() {
	local answer
	echo "$*" >&"${IO[1]}" && read -r answer <&"${IO[0]}" && echo "$answer"
}

# same NODE FILE START BYTES
same() {
	cmp -i "$3" -n "$4" "$1" "$2"
}

# A fresh lower device with old data, $ram or on top of it $lower; "cached" for one that takes
# flushes, as RAM disks do not.
setup() {
	clean_up
	ram=$(new_ram size=1M)
	[ -z "${1:-}" ] || ram=$(losetup -f --show "$ram")
	dd if="$RBLK_SCRATCH/old" of="$ram" bs=1M oflag=direct status=none
	lower=$ram
}

# Maps it: $name, $node.
mapped() {
	name=$(map "$lower" "packet_size=64K $*") && node=$(node "$name")
	echo 0 >"$PKT/$name/packet_wait_us"
}

# Writes fail.
setup cached
dm flaky flakey "$ram" 0 3600 0
lower=/dev/mapper/flaky
mapped
check "healthy: a write" test "$(io write "$node" 131072 2048 sync)" = ok
dm_switch flaky flakey "$ram" 0 0 3600 1 error_writes
trace_block() {
	local dev
	dev=$(number "$lower")
	echo "dev == $(((${dev%:*} << 20) | ${dev#*:}))" >$TRACE/events/block/block_bio_queue/filter
	echo >$TRACE/trace
	echo 1 >$TRACE/events/block/block_bio_queue/enable
}
traced() {
	echo 0 >$TRACE/events/block/block_bio_queue/enable
	grep -o 'block_bio_queue: .*' $TRACE/trace | awk '{ printf "%s %s+%s ", $3, $4, $6 }'
	echo >$TRACE/trace
}
trace_block
check_equal "a whole packet that cannot be written" EIO "$(io write "$node" 0 65536)"
check_equal "is tried exactly twice" "WS 0+128 WS 0+128 " "$(traced)"
check_equal "a part of a packet" EIO "$(io write "$node" 67584 4096)"
check_equal "counted" 2 "$(attribute "$name" stat/packets_failed)"
check_equal "through the page cache" 1 "$(
	dd if="$RBLK_SCRATCH/new" of="$node" bs=64K count=2 conv=notrunc,fsync status=none 2>/dev/null
	echo $?)"
check_equal "a flush" EIO "$(io fsync "$node" 0 0)"
check_equal "reads go on" ok "$(io read "$node" 0 65536)"
blockdev --flushbufs "$node"
check "and see what was there before" same "$node" "$RBLK_SCRATCH/old" 0 131072
dm_switch flaky flakey "$ram" 0 3600 0
check_equal "the fault is gone: a flush" ok "$(io fsync "$node" 0 0)"
check_equal "a write" ok "$(io write "$node" 0 65536 sync)"
check "it is there" same "$node" "$RBLK_SCRATCH/new" 0 65536
check "where the write failed, the rest of the packet is as before" \
	same "$node" "$RBLK_SCRATCH/old" 65536 65536
check_equal "the part, again" ok "$(io write "$node" 67584 4096 sync)"
check "it is there, too" same "$node" "$RBLK_SCRATCH/new" 67584 4096
check "with its surroundings" same "$node" "$RBLK_SCRATCH/old" 71680 59392
# Written well, but not flushed.
check_equal "a write before a flush" ok "$(io write "$node" 0 2048)"
dm_switch flaky flakey "$ram" 0 0 3600 1 error_writes
check_equal "the flush fails" EIO "$(io fsync "$node" 0 0)"
check_equal "it fails again, since nothing was flushed" EIO "$(io fsync "$node" 0 0)"
dm_switch flaky flakey "$ram" 0 3600 0
check_equal "until the fault is gone" ok "$(io fsync "$node" 0 0)"

# Reads fail: what has to be gathered cannot be.
dm_switch flaky flakey "$ram" 0 0 3600 1 error_reads
check_equal "a part of a packet whose rest cannot be read" EIO "$(io write "$node" 327680 2048)"
check_equal "a whole packet, which needs no read" ok "$(io write "$node" 393216 65536)"
check_equal "a part of that one, which is in memory" ok "$(io write "$node" 393216 2048)"
check_equal "a read of it" ok "$(io read "$node" 393216 65536)"
check_equal "another read" EIO "$(io read "$node" 458752 2048)"
two_writers() {
	"$LIB/io.py" "$RBLK_SCRATCH/new" write "$node" 524288 2048 >"$RBLK_SCRATCH/first" &
	local first=$!
	"$LIB/io.py" "$RBLK_SCRATCH/new" write "$node" 532480 2048 >"$RBLK_SCRATCH/second" &
	wait $first $!
	cat "$RBLK_SCRATCH/first" "$RBLK_SCRATCH/second" | paste -sd " "
}
echo 3000000 >"$PKT/$name/packet_wait_us"
check_equal "two writers of one such packet" "EIO EIO" "$(two_writers)"
echo 0 >"$PKT/$name/packet_wait_us"
dm_switch flaky flakey "$ram" 0 3600 0
check_equal "the fault is gone" ok "$(io write "$node" 327680 2048 sync)"
check "nothing else has changed" same "$node" "$RBLK_SCRATCH/old" 329728 63488
check "the failed ones have changed nothing" same "$node" "$RBLK_SCRATCH/old" 524288 65536
unmap "$name"
check "below, as well" same "$ram" "$RBLK_SCRATCH/old" 524288 524288
dmsetup remove flaky

# Bad frames.
setup
dm dusty dust "$ram" 0 2048
lower=/dev/mapper/dusty
mapped
bad() {
	local frame
	for frame; do
		dmsetup message dusty 0 addbadblock "$frame" || return
	done
}
bad 20 37 70 >/dev/null
dmsetup message dusty 0 enable
check_equal "a frame next to a bad one" EIO "$(io write "$node" 10240 2048)"
check_equal "the bad frame itself" ok "$(io write "$node" 40960 2048 sync)"
check_equal "which is good now" ok "$(io read "$node" 40960 2048)"
check_equal "a bad frame among others" ok "$(io write "$node" 67584 16384 sync)"
check "the rest of these packets was read" same "$node" "$RBLK_SCRATCH/old" 83968 47104
check "what was written is there" same "$node" "$RBLK_SCRATCH/new" 67584 16384
check_equal "up to the bad frame" EIO "$(io write "$node" 131072 12288)"
check_equal "from the bad frame on" ok "$(io write "$node" 143360 4096 sync)"
unmap "$name"
dmsetup message dusty 0 disable
check "the lower device has what was written" same "$ram" "$RBLK_SCRATCH/new" 143360 4096
check "and nothing else" same "$ram" "$RBLK_SCRATCH/old" 147456 901120
clean_up

# The errors of the lower device reach their writers.
setup
mapped
inject=/sys/kernel/debug/block/${ram##*/}/error_injection
if [ -e "$inject" ]; then
	for pair in IOERR:EIO MEDIUM:ENODATA NOSPC:ENOSPC TARGET:EREMOTEIO; do
		write_to "$inject" "add,op=WRITE,start=256,nr_sectors=8,status=${pair%:*}"
		check_equal "status ${pair%:*} for a write" "${pair#*:}" \
			"$(io write "$node" 131072 65536)"
		write_to "$inject" removeall
	done
	write_to "$inject" "add,op=READ,start=384,nr_sectors=8,status=MEDIUM"
	check_equal "status MEDIUM for a read" ENODATA "$(io read "$node" 196608 4096)"
	check_equal "status MEDIUM for missing frames" ENODATA "$(io write "$node" 200704 4096)"
	check_equal "when all of them are covered" ok "$(io write "$node" 196608 4096 sync)"
	write_to "$inject" removeall
	check "after that, all is there" same "$node" "$RBLK_SCRATCH/new" 196608 4096
else
	for title in 1 2 3 4 5 6 7 8; do
		ktap_test_skip "injected status $title" "no error injection"
	done
fi

# One failure is made good, two are not. Whole packets: there is no read that could fail instead.
fail_times() {
	echo "$1" >$faults/times
	echo 100 >$faults/probability
	echo 1 >"/sys/block/${ram##*/}/make-it-fail"
}
heal() {
	echo 0 >"/sys/block/${ram##*/}/make-it-fail"
	echo 0 >$faults/probability
}
echo 0 >$faults/verbose
echo 1 >$faults/interval
failed=$(attribute "$name" stat/packets_failed)
full=$(attribute "$name" stat/packets_full)
fail_times 1
check_equal "a write that fails once" ok "$(io write "$node" 262144 65536)"
heal
check "is there" same "$node" "$RBLK_SCRATCH/new" 262144 65536
check_equal "nobody was told of a failure" "$failed" "$(attribute "$name" stat/packets_failed)"
fail_times 2
check_equal "it is one packet" $((full + 1)) "$(attribute "$name" stat/packets_full)"
check_equal "a write that fails twice" EIO "$(io write "$node" 327680 65536)"
heal
check_equal "and then not" ok "$(io write "$node" 327680 65536 sync)"

# All kinds of failures, at random.
setup
mapped packet_buffers=3
echo 500 >"$PKT/$name/packet_wait_us"
dd if=/dev/zero of="$node" bs=1M count=1 oflag=direct conv=fsync status=none
echo 40 >$faults/probability
echo -1 >$faults/times
echo 1 >"/sys/block/${ram##*/}/make-it-fail"
check "writers while 40% of all IO fails" "$LIB/faults.py" run "$node" \
	"$RBLK_SCRATCH/history" 150 "$seed"
heal
ktap_msg "$(tail -n 1 "$ktap_output")"
check "what was reported as written is there" "$LIB/faults.py" check "$node" \
	"$RBLK_SCRATCH/history"
unmap "$name"
check "below, too" "$LIB/faults.py" check "$ram" "$RBLK_SCRATCH/history"
setup cached
dm flaky flakey "$ram" 0 1 1 1 error_writes
lower=/dev/mapper/flaky
mapped
empty() {
	dd if=/dev/zero of="$node" bs=1M count=1 oflag=direct conv=fsync status=none 2>/dev/null
}
check "in a good second all of it is written" within 30 empty
check "writers while all writes fail every other second" "$LIB/faults.py" run "$node" \
	"$RBLK_SCRATCH/history" 100 "$seed"
ktap_msg "$(tail -n 1 "$ktap_output")"
unmap "$name"
check "what was reported as written is there" "$LIB/faults.py" check "$ram" \
	"$RBLK_SCRATCH/history"
dmsetup remove flaky

# The lower device goes away.
clean_up
appears() {
	wait_for 30 compgen -G '/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*'
}
goes_on() {
	[ "$(attribute "$name" stat/kb_written)" -gt 256 ]
}
vanishes() {
	local disk
	disk=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*)
	name=$(map "/dev/$disk") && node=$(node "$name") || return
	[ "$(io write "$node" 0 65536 sync)" = ok ] || return
	fio --name=vanish --filename="$node" --direct=1 --rw=randrw --bs=2k --ioengine=libaio \
		--iodepth=16 --size=8M --time_based --runtime=600 --continue_on_error=none \
		>"$RBLK_SCRATCH/vanish" 2>&1 &
	vanish=$!
	within 30 goes_on || return
	echo 1 >"/sys/block/$disk/device/delete"
}
modprobe scsi_debug dev_size_mb=8 delay=0
check "a disk of which one can be rid" appears
check "it vanishes under IO" vanishes
# It does not hang, and it is the error of a device that is gone.
wait "$vanish"
check_equal "who writes to it then fails" 1 $?
check "because of that" grep -qE 'Input/output error|No such device' "$RBLK_SCRATCH/vanish"
check_equal "so does the next write" EIO "$(io write "$node" 0 2048)"
check_equal "and read" EIO "$(io read "$node" 0 2048)"
check "it can be unmapped" unmap "$name"
check "nobody holds it" wait_for 10 modprobe -r scsi_debug

# A card that is changed in its reader. That something has changed is all that readers say.
modprobe scsi_debug dev_size_mb=8 removable=1 delay=0
check "a reader with a card" appears
disk=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*)
name=$(map "/dev/$disk") && node=$(node "$name")
check_equal "a packet is written, and read from memory" "ok ok 1" \
	"$(io write "$node" 0 65536 sync) $(io read "$node" 0 2048) $(attribute "$name" stat/cache_hits)"
echo 1 >/sys/bus/pseudo/drivers/scsi_debug/virtual_gb
# Who opens the reader has the kernel look.
blockdev --getsz "/dev/$disk" >/dev/null
check_equal "when the card was changed, it is not read from there" EIO "$(io read "$node" 0 2048)"
check_equal "nor is the other card written" EIO "$(io write "$node" 0 2048 sync)"
told() { dmesg | grep -q "$name: the medium is not the same any more: map the device again"; }
check "the log says what to do" told
check "it can be unmapped" unmap "$name"
name=$(map "/dev/$disk") && node=$(node "$name")
check_equal "and mapped again, when it works" "ok ok" \
	"$(io write "$node" 0 65536 sync) $(io read "$node" 0 2048)"
unmap "$name"
check "nobody holds the reader" wait_for 10 modprobe -r scsi_debug

# A file system on top of it survives.
setup
dm flaky flakey "$ram" 0 3600 0
lower=/dev/mapper/flaky
mapped
mkfs.ext4 -q -b 2048 "$node" && mount -t ext4 -o errors=continue "$node" /mnt
dd if="$RBLK_SCRATCH/new" of=/mnt/before bs=2k count=64 conv=fsync status=none
dm_switch flaky flakey "$ram" 0 0 3600 1 error_writes
check_fails "ext4: fsync fails" dd if="$RBLK_SCRATCH/new" of=/mnt/during bs=2k count=32 conv=fsync
dm_switch flaky flakey "$ram" 0 3600 0
check "ext4: what was written before is there" cmp -n 131072 /mnt/before "$RBLK_SCRATCH/new"
check "ext4 can be unmounted" umount /mnt
check "and the device unmapped" unmap "$name"
clean_up
ktap_finished
