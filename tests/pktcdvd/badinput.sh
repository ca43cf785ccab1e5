#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
#
# What is refused is refused with the right error, and leaves nothing behind. All that a parser may
# meet is tried without a kernel, in tests/host: here is one of each kind.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 40
clean_up
ram=$(new_ram size=4M)
lower=$(number "$ram")

# Whether nothing is mapped, or left of a try, and the device can be claimed.
untouched() {
	local node=${1:-$ram}
	[ -z "$(cat "$PKT/device_map")" ] || return
	! compgen -G '/sys/block/pktcdvd*' || return
	! compgen -G "$PKT/pktcdvd*" || return
	! compgen -G '/dev/pktcdvd/pktcdvd*' || return
	! compgen -G '/sys/kernel/debug/pktcdvd/pktcdvd*' || return
	wait_for 10 no_threads || return
	python3 -SE -c 'import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)' "$node"
}

# refused FILE < lines of "ERRNO TEXT": all of them are refused so; C escapes in TEXT count.
refused() {
	python3 -SE - "$1" 3<&0 <<-'END'
		import errno, os, sys
		bad = 0
		for line in os.fdopen(3):
		    wanted, _, text = line.rstrip("\n").partition(" ")
		    if not wanted:
		        continue
		    raw = text.encode().decode("unicode_escape").encode("latin-1")
		    fd = os.open(sys.argv[1], os.O_WRONLY)
		    try:
		        os.write(fd, raw)
		        got = "ok"
		    except OSError as e:
		        got = errno.errorcode[e.errno]
		    os.close(fd)
		    if got != wanted:
		        print(f"{raw!r}: {got}, not {wanted}")
		        bad += 1
		sys.exit(bad != 0)
	END
}

check "malformed add" refused $PKT/add <<END
EINVAL \n
EINVAL \0
EINVAL ${lower%:*}\n
EINVAL $lower nonsense=1\n
EINVAL $lower packet_size=64K packet_size=32K\n
EINVAL $lower packet_size=3K\n
EINVAL $lower packet_size=258K\n
EINVAL $lower packet_size=4295032832\n
ERANGE $lower packet_size=16E\n
EINVAL $lower packet_buffers=1\n
EINVAL $lower packet_buffers=65\n
EINVAL $lower offset=512\n
ERANGE $lower offset=99999999999999999999\n
EINVAL $lower \xff\xfe\n
END
check "which leaves nothing" untouched
check "numbers that no device has" refused $PKT/add <<END
EINVAL 4096:0\n
EINVAL 4294967296:0\n
ENXIO 0:0\n
ENXIO 4095:1048575\n
ENXIO ${lower%:*}:1048000\n
END
check "a device too small for its offset" refused $PKT/add <<END
EINVAL $lower offset=4M\n
EINVAL $lower offset=4130816 packet_size=64K\n
EINVAL $lower offset=18446744073709549568\n
END
check "malformed remove" refused $PKT/remove <<END
EINVAL \n
EINVAL pktcdvd0\n
EINVAL 1:2 packet_size=64K\n
ENXIO 0:0\n
ENXIO $lower\n
END
check "malformed packet_buffers of the class" refused $PKT/packet_buffers <<END
EINVAL \n
EINVAL 1\n
EINVAL 65\n
ERANGE 99999999999999999999\n
END
check "nothing came of all this" untouched
check_equal "the default number of buffers stands" 8 "$(cat $PKT/packet_buffers)"

# The files of a device.
name=$(map "$ram")
for file in "$PKT/$name/packet_buffers" "$PKT/$name/packet_wait_us"; do
	before=$(cat "$file")
	check "malformed ${file##*/}" refused "$file" <<-END
		EINVAL \n
		EINVAL 3x\n
		ERANGE 99999999999999999999\n
	END
	check_equal "${file##*/} stands" "$before" "$(cat "$file")"
done
check "packet_buffers out of bounds" refused "$PKT/$name/packet_buffers" <<END
EINVAL 1\n
EINVAL 65\n
END
check "packet_wait_us out of bounds" refused "$PKT/$name/packet_wait_us" <<END
ERANGE 10000001\n
ok 10000000\n
ok 5000\n
END
for file in write_queue/congestion_on write_queue/congestion_off; do
	check "malformed ${file#*/}" refused "$PKT/$name/$file" <<-'END'
		EINVAL \n
		EINVAL 1x\n
		ERANGE 2147483648\n
	END
done
check_equal "the marks stand" "9000 10000" "$(attribute "$name" write_queue/congestion_off) \
$(attribute "$name" write_queue/congestion_on)"
readonly_files() {
	local file
	for file in "$PKT/$name"/stat/{packets_started,kb_written,errors} \
		"$PKT/$name/write_queue/size" "/sys/block/$name/packet/stat" $PKT/device_map; do
		[ "$(stat -c %a "$file")" = 444 ] || return
	done
	for file in "$PKT/$name/stat/reset" "/sys/block/$name/packet/reset_stat" $PKT/add \
		$PKT/remove; do
		[ "$(stat -c %a "$file")" = 200 ] || return
	done
}
check "what is read is not written, and the other way" readonly_files

# Stacks.
check_equal "mapped already" EBUSY "$(errno_of $PKT/add "$lower")"
check_equal "a packet device on a packet device" EBUSY \
	"$(errno_of $PKT/add "$(packet_number "$name")")"
check_equal "what is mapped cannot be claimed" "EBUSY" "$(python3 -SE -c '
import errno, os, sys
try:
    os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
except OSError as e:
    print(errno.errorcode[e.errno])' "$ram")"
check "remove takes the number of the lower device" write_to $PKT/remove "$lower"
check "after that, nothing is left" untouched
check_equal "and it cannot be removed again" ENXIO "$(errno_of $PKT/remove "$lower")"

# Lower devices that do not serve.
mkfs.ext4 -q "$ram" && mount -t ext4 "$ram" /mnt
check_equal "mounted" EBUSY "$(errno_of $PKT/add "$lower")"
umount /mnt
small=$(new_ram size=32K)
check_equal "smaller than a packet" EINVAL "$(errno_of $PKT/add "$(number "$small")")"
check_equal "as large as a packet" ok \
	"$(errno_of $PKT/add "$(number "$small") packet_size=32K")"
check_equal "is one packet" 64 "$(cat /sys/block/pktcdvd0/size)"
write_to $PKT/remove "$(number "$small")"
echo 32 >"/sys/block/${ram##*/}/queue/max_sectors_kb"
check_equal "larger than what goes down at once" EINVAL \
	"$(errno_of $PKT/add "$lower packet_size=64K")"
check_equal "as large as that" ok "$(errno_of $PKT/add "$lower packet_size=32K")"
write_to $PKT/remove "$lower"
echo 127 >"/sys/block/${ram##*/}/queue/max_sectors_kb"
large=$(new_ram size=1M block_size=4096)
check_equal "packets of half a block" EINVAL \
	"$(errno_of $PKT/add "$(number "$large") packet_size=2K")"
check_equal "packets of two and a half blocks" EINVAL \
	"$(errno_of $PKT/add "$(number "$large") packet_size=10K")"
name=$(map "$large" packet_size=64K)
check_equal "blocks stay large" 4096 "$(blockdev --getss "$(node "$name")")"
unmap "$name"

# Nothing can be written to what is read-only.
random_file "$RBLK_SCRATCH/data" 1M
dd if="$RBLK_SCRATCH/data" of="$ram" bs=1M oflag=direct status=none
blockdev --setro "$ram"
name=$(map "$ram")
check_equal "a read-only device is mapped read-only" 1 "$(cat "/sys/block/$name/ro")"
check_equal "cannot be opened for writing" EROFS "$(errno_of "$(node "$name")" x)"
check "and can be read" cmp -n 1048576 "$(node "$name")" "$RBLK_SCRATCH/data"
unmap "$name"
blockdev --setrw "$ram"

# An optical drive. It may take a while until it is there.
modprobe scsi_debug ptype=5 dev_size_mb=8 sector_size=2048
check "an optical drive is there" wait_for 30 test -b /dev/sr0
for options in packet_size=64K offset=2K; do
	check_equal "$options for it, where the medium decides" EINVAL \
		"$(errno_of $PKT/add "$(number /dev/sr0) $options")"
done
check "nobody holds it" wait_for 10 modprobe -r scsi_debug
clean_up
ktap_finished
