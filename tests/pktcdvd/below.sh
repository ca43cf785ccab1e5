#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# Lower devices that are more than a disk from its first sector on: partitions, and those with chunks
# that nothing may cross, or zones; and as many devices, and as many writes, as there can be.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 27
clean_up
seed=${RBLK_SEED:-1}

# model LOWER PACKET OFFSET: random things are done to $node, and are then on the lower device.
model() {
	"$LIB/model.py" "$node" "$2" "$3" "$seed" 15 "$RBLK_SCRATCH/model" && unmap "$name" &&
		read_back "$1" "$RBLK_SCRATCH/model"
}

# traced DEV COMMAND...: where writes of the whole device DEV began, and how long they were, in sectors,
# each once.
traced() {
	local dev
	dev=$(number "$1")
	shift
	echo "dev == $((${dev%:*} << 20 | ${dev#*:}))" >$TRACE/events/block/block_rq_issue/filter
	echo >$TRACE/trace
	echo 1 >$TRACE/events/block/block_rq_issue/enable
	"$@" >/dev/null 2>&1
	echo 0 >$TRACE/events/block/block_rq_issue/enable
	sed -n 's/.*block_rq_issue: [0-9,]* W[A-Z]* [0-9]* () \([0-9]*\) + \([0-9]*\) .*/\1+\2/p' \
		$TRACE/trace | sort -nu | paste -sd ' '
}

# A partition: packets are counted from its start, which is in the middle of one of the disk.
random_file "$RBLK_SCRATCH/disk" 4M
cp "$RBLK_SCRATCH/disk" "$RBLK_SCRATCH/old"
disk=$(losetup -f -P --show "$RBLK_SCRATCH/disk")
check "a partition" addpart "$disk" 1 68 5180
part=${disk}p1
check "it is there" wait_for 10 test -b "$part"
name=$(map "$part" packet_size=64K)
node=$(node "$name")
check_equal "it is mapped, of whole packets" 5120 "$(cat "/sys/block/$name/size")"
check_equal "packets begin with the partition" "68+128 196+128" \
	"$(traced "$disk" dd if=/dev/urandom of="$node" bs=66K count=1 oflag=direct conv=notrunc)"
check "random writes" model "$part" 65536 0
check "in front of it nothing has changed" cmp -n $((68 * 512)) "$disk" "$RBLK_SCRATCH/old"
check "nor behind its last packet" cmp -i $(((68 + 5120) * 512)) "$disk" "$RBLK_SCRATCH/old"
name=$(map "$part" "packet_size=32K offset=30K")
node=$(node "$name")
check_equal "an offset counts from its start, too" "128+64 192+64" \
	"$(traced "$disk" dd if=/dev/urandom of="$node" bs=2K seek=30 count=2 oflag=direct conv=notrunc)"
check "random writes from there on" model "$part" 32768 30720
delpart "$disk" 1
losetup -d "$disk"

# Two RAM disks that take turns, 64 KiB each: no packet may be cut there.
rams=("$(new_ram size=4M)" "$(new_ram size=4M)")
dmsetup create striped --table "0 16384 striped 2 128 ${rams[0]} 0 ${rams[1]} 0"
striped=/dev/mapper/striped
lower=$(number "$striped")
check_equal "a device with chunks" 128 "$(cat "$(sysfs $striped)/queue/chunk_sectors")"
for options in packet_size=96K packet_size=128K "packet_size=64K offset=32K" \
	"packet_size=32K offset=2K" packet_size=40K; do
	check_equal "$options: would be cut" EINVAL "$(errno_of $PKT/add "$lower $options")"
done
for options in "64 0" "32 32768"; do
	read -r size offset <<<"$options"
	name=$(map $striped "packet_size=${size}K offset=$offset")
	node=$(node "$name")
	check "packets of $size KiB from $offset on" model $striped $((size << 10)) "$offset"
done
dmsetup remove striped

# Zones that are written from their start on.
if zgrep -q '^CONFIG_BLK_DEV_ZONED=y' /proc/config.gz; then
	zoned() {
		modprobe null_blk nr_devices=1 gb=1 memory_backed=0 zoned=1 zone_size=64 &&
			errno_of $PKT/add "$(number /dev/nullb0)"
	}
	check_equal "a zoned device is refused" ENOTSUP "$(zoned)"
	check "and not held" modprobe -r null_blk
else
	ktap_test_skip "a zoned device is refused" "the kernel has no CONFIG_BLK_DEV_ZONED"
	ktap_test_skip "and not held" "the kernel has no CONFIG_BLK_DEV_ZONED"
fi

# As many writes as the device has requests for, without marks. What was submitted besides waits in
# the block layer until some of them have ended.
lower=$(new_ram size=48M)
slow=$(delayed "$lower" 0)
name=$(map "$slow" packet_buffers=2)
node=$(node "$name")
echo 0 >"$PKT/$name/write_queue/congestion_on"
dmsetup suspend --noflush --nolockfs "${slow##*/}"
fio --name=many --filename="$node" --direct=1 --rw=write:2k --bs=2k --ioengine=libaio \
	--iodepth=12000 --number_ios=11000 --size=48M >"$RBLK_SCRATCH/fio" 2>&1 &
writers=$!
in_flight() {
	awk '{ print $2 }' "/sys/block/$name/inflight"
}
full() {
	[ "$(in_flight)" -ge 10240 ]
}
check "without marks 10240 writes are taken" within 30 full
sleep 1
check_equal "and no more" 10240 "$(in_flight)"
dmsetup resume "${slow##*/}"
wait "$writers"
check_equal "all of them finish" 0 $?
check_equal "all were written" 22000 "$(attribute "$name" stat/kb_written)"
unmap "$name"
clean_up

# As many devices as there can be.
many() {
	python3 -SE - $RAM $PKT/add <<-'END'
		import sys
		ram, add = sys.argv[1:]
		for i in range(129):
		    with open(f"{ram}/add", "w") as file:
		        file.write("size=64K")
		numbers = [line.split()[1] for line in open(f"{ram}/device_map")]
		print(numbers[-1])
		for number in numbers[:128]:
		    with open(add, "w") as file:
		        file.write(f"{number} packet_buffers=2")
	END
}
last=$(many)
check_equal "128 devices are mapped" 128 "$(wc -l <$PKT/device_map)"
check_equal "one more is refused" EBUSY "$(errno_of $PKT/add "$last")"
check_equal "pktsetup sees all of them" 128 "$(pktsetup -s | wc -l)"
unmap pktcdvd77
check_equal "when one is gone, there is room" "ok pktcdvd77" \
	"$(errno_of $PKT/add "$last") $(awk -v n="$last" '$3 == n { print $1 }' $PKT/device_map)"
python3 -SE - $PKT/remove <<-'END'
	import sys
	for line in open("/sys/class/pktcdvd/device_map").readlines():
	    with open(sys.argv[1], "w") as file:
	        file.write(line.split()[1])
END
clean_up
ktap_finished
