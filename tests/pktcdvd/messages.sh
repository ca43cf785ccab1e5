#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 120
# rblk-mem: 2048
#
# What the kernel's log says of packet devices: who, what, why; in few lines, whatever happens.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

ktap_plan 25
clean_up
ram=$(new_ram size=4M)
lower=$(number "$ram")

# logged COMMAND...: what the driver logs meanwhile, without what all its lines begin with. Some
# kernels do not know the names of errors.
logged() {
	dmesg -C
	"$@" >/dev/null 2>&1
	dmesg -t | sed -n 's/^pktcdvd: //
		T
		s/Error(5)/EIO/
		s/Error(6)/ENXIO/
		s/Error(16)/EBUSY/
		s/Error(22)/EINVAL/
		p'
}

# refused TITLE TEXT WANTED: what is logged when `add` refuses TEXT.
refused() {
	check_equal "$1" "$3" "$(logged write_to $PKT/add "$2")"
}

# read_kb START LENGTH, write_kb START LENGTH: direct IO of $node, in KiB.
write_kb() {
	dd if=/dev/zero of="$node" bs="$2K" count=1 seek="$1K" oflag=direct,seek_bytes \
		conv=notrunc status=none
}
read_kb() {
	dd if="$node" of=/dev/null bs="$2K" count=1 skip="$1K" iflag=direct,skip_bytes status=none
}

# Bad input.
refused "an unknown key" "$lower colour=red" "add: 'colour=red' is not known"
refused "no device" "packet_size=64K" "add: no major:minor given"
refused "a key twice" "$lower offset=2K offset=4K" "add: 'offset=4K' says again what was said before"
refused "what cannot be printed" "$lower $(printf 'a\033[2J\377=1')" \
	"add: 'a\\x1b[2J\\xff=1' is not known"
refused "what is too long" "$lower $(printf '%0500d' 1)=1" \
	"add: '$(printf '%048d' 0)...' is not known"
check "nothing but that" test -z "$(logged cat $PKT/device_map)"

# The life of a device.
check_equal "it is mapped" "pktcdvd0: mapped to $lower with packets of 65536 bytes" \
	"$(logged map "$ram")"
check_equal "and in use" "" "$(logged dd if=/dev/zero of=/dev/pktcdvd/pktcdvd0 bs=3k count=99 \
	conv=notrunc,fsync)"
check_equal "mapped again" "add $lower: EBUSY" "$(logged map "$ram")"
check_equal "it is unmapped" "pktcdvd0: unmapped from $lower" "$(logged unmap pktcdvd0)"
refused "a device that is not there" "4095:7" "add 4095:7: ENXIO"

# Limits.
echo 32 >"$(sysfs "$ram")/queue/max_sectors_kb"
too_large() {
	logged map "$ram" | sed 's/[0-9]* segments, multiples of [0-9]* sectors$/.../'
}
check_equal "a packet that would be split" \
	"$lower: a packet of 128 sectors would be split; it takes 64 sectors, ...
add $lower: EINVAL" "$(too_large)"
echo 64 >"$(sysfs "$ram")/queue/max_sectors_kb"
refused "a device without a whole packet" "$lower offset=4094K" "$lower: device holds no whole packet
add $lower: EINVAL"
name=$(map "$ram")
node=$(node "$name")
write_kb 64 64
echo 32 >"$(sysfs "$ram")/queue/max_sectors_kb"
check_equal "the limits of a mapped device are lowered" \
	"pktcdvd0: write of packet at sector 0 failed: EINVAL" "$(logged write_kb 0 64 | uniq)"
check_equal "reads still work" "" "$(logged read_kb 0 64)"
check_fails "writes do not" write_kb 64 64
check_fails "not even those in memory" write_kb 66 2
echo 64 >"$(sysfs "$ram")/queue/max_sectors_kb"
check "they work when the limits are back" write_kb 64 64
unmap "$name"

# Faults: in the second half of a device.
half=$(($(blockdev --getsz "$ram") / 2))
dmsetup create half --table "0 $half linear $ram 0
$half $half error"
name=$(map /dev/mapper/half)
node=$(node "$name")
check_equal "a read" "pktcdvd0: read of 4 sectors at 6148 failed: EIO" "$(logged read_kb 3074 2)"
check_equal "a write" "pktcdvd0: write of packet at sector 6272 failed: EIO" \
	"$(logged write_kb 3136 64 | uniq)"
check_equal "a part of a packet" \
	"pktcdvd0: read of missing frames of packet at sector 6144 failed: EIO" \
	"$(logged write_kb 3074 2 | uniq)"

# Ten lines in five seconds, no more.
fail_often() {
	python3 -SE - "$LIB" "$node" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from disk import Disk
		disk = Disk(sys.argv[2])
		for i in range(400):
		    try:
		        if i % 2:
		            disk.read(3 << 20, 2048)
		        else:
		            disk.write(3 << 20, bytes(2048))
		        sys.exit("this did not fail")
		    except OSError:
		        pass
	END
}
start=$SECONDS
logged fail_often >"$RBLK_SCRATCH/log"
allowed=$((10 * ((SECONDS - start) / 5 + 2)))
check_equal "reads that failed" 200 "$(($(attribute "$name" stat/errors) - 1))"
check_equal "packets that failed" 200 "$(($(attribute "$name" stat/packets_failed) - 2))"
few() {
	[ "$(wc -l <"$RBLK_SCRATCH/log")" -le "$allowed" ] && grep -q . "$RBLK_SCRATCH/log"
}
check "few of them are logged" few
check "the device works" write_kb 0 64
unmap "$name"
dmsetup remove half
clean_up
ktap_finished
