#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 180
#
# Disks grow while they are in use, shrink when they are not or when forced, and never show old data
# again; what cannot be had is given back.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/ram/lib/disks.sh
. "$(dirname "$0")/lib/disks.sh"

here=$(dirname "$0")

ktap_plan 64
remove_all_disks
mnt=$RBLK_SCRATCH/mnt
mkdir -p "$mnt"

resize() {
	write_to "/sys/block/$disk/ram/size" "$1"
}

filled() {
	tr '\0' '\252' </dev/zero | head -c "$1" | dd "of=/dev/$disk" bs=512 iflag=fullblock oflag=direct
}

# reads_zero FROM TO: the bytes between are zeroes.
reads_zero() {
	dd "if=/dev/$disk" bs=512 skip=$(($1 / 512)) count=$((($2 - $1) / 512)) 2>/dev/null |
		cmp -n $(($2 - $1)) - /dev/zero
}

for front in bio mq; do
	# Shrunk to a size within a page: what is behind it in that page must go, too.
	disk=$(new_disk size=64K front=$front)
	check "filled, $front" filled 65536
	check "shrunk to within a page" resize 5632
	check_equal "two pages are left" 2 "$(attribute "$disk" pages)"
	check_equal "size" 5632 "$(attribute "$disk" size)"
	check_equal "sectors" 11 "$(cat "/sys/block/$disk/size")"
	check_equal "as user space sees it" 5632 "$(blockdev --getsize64 "/dev/$disk")"
	check "grown" resize 128K
	check_equal "sectors" 256 "$(cat "/sys/block/$disk/size")"
	check "the new part is zeroes" reads_zero 5632 131072
	check_equal "the old one is not" 5632 "$(tr -d '\0' <"/dev/$disk" | wc -c)"

	exec 3<"/dev/$disk"
	check_equal "it does not shrink while it is open" EBUSY \
		"$(errno_of "/sys/block/$disk/ram/size" 64K)"
	check_equal "nor is it reset" EBUSY "$(errno_of "/sys/block/$disk/ram/reset" 1)"
	check_equal "nor removed" EBUSY "$(errno_of "$CLASS/remove" "$disk")"
	check_equal "nothing has changed" 131072 "$(attribute "$disk" size)"
	check "it grows while it is open" resize 192K
	check "it shrinks by force" resize "4608 force"
	check_equal "size" 4608 "$(attribute "$disk" size)"
	exec 3<&-
	check "grown" resize 64K
	check "the new part is zeroes" reads_zero 4608 65536
	check "reset" write_to "/sys/block/$disk/ram/reset" 1
	check_equal "no pages" 0 "$(attribute "$disk" pages)"
	check "zeroes" reads_zero 0 65536
	remove_disk "$disk"
done

for front in bio mq; do
	disk=$(new_disk size=1M front=$front)
	check "shrunk by force under I/O, $front" "$here/lib/shrink.py" "/dev/$disk" "${RBLK_SEED:-1}" 8
	check "nobody has it open then" remove_disk "$disk"
done

disk=$(new_disk size=16M)
grow_mounted() {
	mkfs.ext4 -q "/dev/$disk" && mount "/dev/$disk" "$mnt" && pattern "$mnt/file" 4000000 &&
		cp "$mnt/file" "$RBLK_SCRATCH/file" && resize 32M && resize2fs "/dev/$disk" &&
		test "$(df --output=size -k "$mnt" | tail -n 1)" -gt 25000 &&
		pattern "$mnt/more" 20000000 && umount "$mnt" && e2fsck -fn "/dev/$disk" &&
		mount "/dev/$disk" "$mnt" && cmp "$mnt/file" "$RBLK_SCRATCH/file" && umount "$mnt"
}
check "a mounted ext4 grows with its disk" grow_mounted
rm -f "$RBLK_SCRATCH/file"
remove_disk "$disk"

# Preallocated disks have all of their memory, or keep what they have.
disk=$(new_disk size=1M prealloc=1 mem_limit=3M)
check "a preallocated disk, filled" filled 1M
resize 2M
check_equal "grows with its memory" 512 "$(attribute "$disk" pages)"
check_equal "it does not grow above its limit" ENOMEM "$(errno_of "/sys/block/$disk/ram/size" 4M)"
check_equal "nothing stays of the try" 512 "$(attribute "$disk" pages)"
check_equal "the size, neither" "2097152 4096" \
	"$(attribute "$disk" size) $(cat "/sys/block/$disk/size")"
check "what could be had can be had again" resize 3M
check_equal "all of it" 768 "$(attribute "$disk" pages)"
check_equal "what was there is there" 1048576 "$(tr -d '\0' <"/dev/$disk" | wc -c)"
resize 512K
check_equal "it shrinks with its memory" 128 "$(attribute "$disk" pages)"
remove_disk "$disk"

# killed FILE TEXT PAGES: whoever writes the text is killed once so many pages are allocated, which
# is only a small part of what the text asks for.
killed() {
	python3 -SE - "$@" <<-'END'
		import os, signal, sys, time
		path, text, pages = sys.argv[1], sys.argv[2], int(sys.argv[3])
		def free():
		    with open("/proc/zoneinfo", encoding="ascii") as file:
		        return sum(int(line.split()[1]) for line in file if line.startswith("      nr_free_pages "))
		before = free()
		pid = os.fork()
		if pid == 0:
		    fd = os.open(path, os.O_WRONLY)
		    os.write(fd, text.encode())
		    os._exit(0)
		while before - free() < pages and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
		    time.sleep(0.001)
		os.kill(pid, signal.SIGKILL)
		_, status = os.waitpid(pid, 0)
		sys.exit(not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL))
	END
}
# Half of what all disks may use together: it takes long.
large=$(awk '/^MemTotal:/ { print int($2 / 4) "K" }' /proc/meminfo)
check "killed while it preallocates a disk" killed "$CLASS/add" "size=$large prealloc=1" 2000
check_equal "there is none" "" "$(cat "$CLASS/device_map")"
disk=$(new_disk size=1M prealloc=1)
check "killed while a disk grows" killed "/sys/block/$disk/ram/size" "$large" 2000
check_equal "it has not" "1048576 256" "$(attribute "$disk" size) $(attribute "$disk" pages)"
check "it still can" resize 2M
check "all disks go" remove_all_disks
ktap_finished
