#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# What reaches the lower device, as dm-log-writes records it: whole packets, and flushes at the
# right time, so that a crash loses nothing that was promised.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 30
clean_up
seed=${RBLK_SEED:-1}
name=

# record SIZE ADD-OPTIONS: maps a recorded device of SIZE as $name.
record() {
	local lower
	lower=$(new_ram size="$1")
	shift
	record_on "$lower" "$@"
}

# record_on NODE ADD-OPTIONS: the same of a device that is there.
record_on() {
	local lower=$1 log
	log=$(new_ram size=512M)
	dm recorder log-writes "$lower" "$log" || return
	shift
	name=$(map /dev/mapper/recorder "$*")
}

# Ends the recording; the log stays.
stop() {
	unmap "$name" && dmsetup remove recorder
}

the_log() {
	awk '{ log_disk = $1 } END { print "/dev/" log_disk }' $RAM/device_map
}

# shape TITLE PACKET OFFSET LEAST...: all that was recorded is whole packets. Ends the recording.
shape() {
	local title=$1 log
	shift
	stop
	log=$(the_log)
	check "$title" "$LIB/shape.py" "$log" "$@"
	ktap_msg "$(cat "$ktap_output")"
	clean_up
}

direct() {
	"$LIB/model.py" "$(node "$name")" "$1" "$2" "$seed" 40
}

for packet in 2048 65536 98304; do
	record 3M "packet_size=$packet"
	check "random writes, packets of $packet bytes" direct "$packet" 0
	shape "whole packets" "$packet" 0 40 1
done
record 3M packet_size=65536 offset=6144
check "random writes, packets of 65536 bytes from 6144 on" direct 65536 6144
shape "whole packets" 65536 6144 40 1

# The page cache.
buffered() {
	random_file "$RBLK_SCRATCH/data" 2100000 &&
		dd if="$RBLK_SCRATCH/data" of="$(node "$name")" bs=3000 conv=fsync &&
		for ((i = 0; i < 20; i++)); do
			dd if="$RBLK_SCRATCH/data" of="$(node "$name")" bs=700 conv=notrunc \
				count=1 seek=$((i * 77)) || return
		done && sync "$(node "$name")"
}
record 4M packet_size=64K
check "writes through the page cache" buffered
shape "whole packets" 65536 0 32 1

# File systems.
fill() {
	mkdir -p /mnt/fs && mount -t "$1" "$(node "$name")" /mnt/fs &&
		cp -r "$LIB/../../../drivers" "$LIB/../../../rust" /mnt/fs/ && sync &&
		rm -r /mnt/fs/rust && cp -r "$LIB" /mnt/fs/again &&
		umount /mnt/fs && rmdir /mnt/fs && sync "$(node "$name")"
}
record 24M packet_size=64K
check "mkfs.ext4" mkfs.ext4 -q -b 2048 "$(node "$name")"
check "a file tree on ext4" fill ext4
shape "whole packets" 65536 0 40 4
record 24M packet_size=32K
check "mkudffs" mkudffs --media-type=hd -b 2048 "$(node "$name")"
check "a file tree on UDF" fill udf
shape "whole packets" 32768 0 20 1

# Zeroes and discards.
record 4M packet_size=64K
dd if=/dev/urandom of="$(node "$name")" bs=1M count=4 oflag=direct conv=fsync status=none
check "zeroes are written" blkdiscard -z -o 2048 -l 1000K "$(node "$name")"
check "packets are discarded" blkdiscard -o 1M -l 256K "$(node "$name")"
check "half of a packet is written after that" dd if=/dev/urandom of="$(node "$name")" \
	bs=32K seek=33 count=1 oflag=direct conv=notrunc,fsync
check "the other half is zero" cmp -i 1048576:0 -n 32768 "$(node "$name")" /dev/zero
shape "whole packets" 65536 0 80 2 1

# A discard of a part of a packet: what is read then is what the lower device has.
ram=$(new_ram size=1M)
name=$(map "$ram" packet_size=64K)
dd if=/dev/urandom of="$(node "$name")" bs=64K count=1 oflag=direct conv=fsync status=none
check "a part of a packet is discarded" blkdiscard -o 4096 -l 8192 "$(node "$name")"
check "it is gone below" cmp -i 4096:0 -n 8192 "$ram" /dev/zero
check "and read so" cmp -n 65536 "$(node "$name")" "$ram"
unmap "$name"

# A limit that was lowered behind the driver's back would split packets.
record 4M packet_size=64K
dd if=/dev/urandom of="$(node "$name")" bs=64K count=1 oflag=direct conv=fsync status=none
echo 32 >"$(sysfs /dev/mapper/recorder)/queue/max_sectors_kb"
check_fails "no write when it would be split" dd if=/dev/urandom of="$(node "$name")" \
	bs=64K seek=1 count=1 oflag=direct
shape "whole packets" 65536 0 1 1

# Crashes. Flushes take so long that writes end, and others ask for flushes, while one is under way.
# A RAM disk has no cache to flush; a loop device has.
lower=$(losetup -f --show "$(new_ram size=4M)")
dm slow delay "$lower" 0 0 "$lower" 0 2 "$lower" 0 20
record_on /dev/mapper/slow packet_size=64K packet_buffers=3
check "threads write and fsync" "$LIB/crash.py" run "$(node "$name")" "$RBLK_SCRATCH/history" \
	"$seed"
stop
check "every crash keeps what was promised" "$LIB/crash.py" check "$(the_log)" \
	"$RBLK_SCRATCH/history" 0
ktap_msg "$(cat "$ktap_output")"
check "whole packets" "$LIB/shape.py" "$(the_log)" 65536 0 20 5
clean_up

# fsync, one by one.
flushes() {
	local log
	stop
	log=$(the_log)
	python3 -SE - "$log" "$LIB" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[2])
		from write_log import entries
		print("".join("W" if e.is_write() else "F" if e.is_flush() else "" for e in entries(sys.argv[1])))
	END
	clean_up
}
record 4M packet_size=64K
python3 -SE - "$(node "$name")" "$LIB" <<'END'
import os, sys
sys.path.insert(0, sys.argv[2])
from disk import Disk
disk = Disk(sys.argv[1])
os.fsync(disk.fd)
for i in range(3):
    disk.write(i << 16, bytes(2048))
os.fsync(disk.fd)
# Nothing is new: no flush.
os.fsync(disk.fd)
disk.write(0, bytes(2048))
os.fsync(disk.fd)
sync = Disk(sys.argv[1], os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
for i in range(2):
    sync.write(i << 16, bytes(2048))
END
check_equal "flushes come after what they flush, and not for nothing" FWWWFWFWFWF "$(flushes)"
ktap_finished
