#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# File systems on packet devices: made and filled with a tree of files, and found whole after a
# fresh mount, on the packet device and without it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 21
clean_up
top=$(realpath "$LIB/../../..")
ram=$(new_ram size=48M)
mkdir -p /mnt/fs
random_file "$RBLK_SCRATCH/random" 30000

# The files of the project, some large ones, and changes to them.
fill() {
	local i
	cp -r "$top/drivers" "$top/rust" "$top/scripts" /mnt/fs/ || return
	random_file /mnt/fs/large 3000001 || return
	for i in {1..40}; do
		head -c $((i * 555)) "$RBLK_SCRATCH/random" >"/mnt/fs/small.$i" || return
	done
	rm -r /mnt/fs/rust/block && mv /mnt/fs/scripts /mnt/fs/renamed &&
		cat "$top"/rust/*.rs >>/mnt/fs/large &&
		dd if=/dev/urandom of=/mnt/fs/large bs=999 seek=1234 count=77 conv=notrunc,fsync &&
		cp -r "$top/rust/block" /mnt/fs/again
}

sums() {
	(cd /mnt/fs && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# tree TYPE NODE: fills a file system and notes what is in it.
tree() {
	mount -t "$1" "$2" /mnt/fs && fill && sums >"$RBLK_SCRATCH/sums"
	local status=$?
	umount /mnt/fs && return "$status"
}

# whole TYPE NODE: it has just that.
whole() {
	mount -t "$1" -o ro "$2" /mnt/fs && sums | cmp - "$RBLK_SCRATCH/sums"
	local status=$?
	umount /mnt/fs && return "$status"
}

name=$(map "$ram" packet_size=64K)
node=$(node "$name")
check "ext4 is made" mkfs.ext4 -q "$node"
check "filled" tree ext4 "$node"
check "it is in order" e2fsck -fn "$node"
check "and whole" whole ext4 "$node"
unmap "$name"
check "without the packet device, too: in order" e2fsck -fn "$ram"
check "and whole" whole ext4 "$ram"
name=$(map "$ram" packet_size=32K packet_buffers=2)
check "with other packets, too" whole ext4 "$node"
unmap "$name"

for type in hd dvdram; do
	name=$(map "$ram" packet_size=32K)
	check "UDF for $type is made" mkudffs --media-type=$type -b 2048 "$node"
	check_equal "it is recognised" udf "$(blkid -p -o value -s TYPE "$node")"
	check "filled" tree udf "$node"
	check "and whole" whole udf "$node"
	unmap "$name"
	check "without the packet device, too" whole udf "$ram"
done

# Packets that are no power of two, a slow device, and marks that hold writers back.
slow=$(delayed "$ram" 0 2)
name=$(map "$slow" packet_size=96K packet_buffers=3)
echo 500 >"$PKT/$name/write_queue/congestion_on"
check "ext4 on a slow device is made" mkfs.ext4 -q -b 2048 "$node"
check "filled" tree ext4 "$node"
check "it is in order" e2fsck -fn "$node"
check "and whole" whole ext4 "$node"
unmap "$name"
clean_up
ktap_finished
