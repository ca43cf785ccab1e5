#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 180
#
# What is written is read back: by fio, with every kind of request, while connections are killed,
# and by a file system. Errors of the server arrive as what they are, and nowhere else.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/nbd/lib/nbd.sh
. "$(dirname "$0")/lib/nbd.sh"

ktap_plan 45
nbd_begin
have fio || ktap_skip_all 'no fio'

# job OPTIONS: one fio job on the device.
job() {
	fio --name=job --filename=/dev/nbd0 --direct=1 --ioengine=libaio --iodepth=32 \
		--group_reporting "$@"
}
verify=(--verify=crc32c --verify_fatal=1)

# begin_ours SERVER-OPTIONS: a connection to our own server.
begin_ours() {
	ours "$@"
	"$genl" connect 0 "unix:$tmp/ours" "connections=${connections:-1}" timeout=5 dead=60 >/dev/null
}
end_ours() {
	"$genl" disconnect 0
	becomes_unused 0
	tell quit
}
disconnect() {
	client -d /dev/nbd0
	becomes_unused 0
}

begin_ours
check "random, 512 bytes to 256 KiB" job --rw=randwrite --bsrange=512-256k --blockalign=512 \
	--bs_unaligned=0 --size=12M "${verify[@]}"
check "buffers aligned to 512 bytes" job --rw=randwrite --bsrange=512-64k --blockalign=512 \
	--iomem_align=512 --size=4M "${verify[@]}"
check "io_uring, fixed buffers" job --ioengine=io_uring --fixedbufs --rw=randwrite --bs=4k \
	--size=4M "${verify[@]}"
check "flushes" job --rw=randwrite --bs=4k --fsync=16 --size=1M "${verify[@]}"
check "flushes reach the server" test "$(stat_of flush)" -gt 10
check "O_DSYNC" job --rw=randwrite --bs=4k --sync=dsync --size=1M --iodepth=4 "${verify[@]}"
check "which is FUA" test "$(stat_of fua)" -gt 100
check "writes and trims" job --rw=trimwrite --bs=64k --size=16M "${verify[@]}"
check "trims reach the server" test "$(stat_of trim)" -gt 100
check "through the page cache" job --direct=0 --ioengine=psync --iodepth=1 --rw=randwrite \
	--bsrange=1k-30k --bs_unaligned --size=8M --end_fsync=1 "${verify[@]}"
yes pattern | head -c 1M >"$tmp/text"
dd if="$tmp/text" of=/dev/nbd0 bs=1M oflag=direct status=none
check "BLKZEROOUT" blkdiscard --zeroout --offset 65536 --length 131072 /dev/nbd0
check "zeroes that range" cmp -n 131072 /dev/zero <(dd if=/dev/nbd0 bs=65536 skip=1 iflag=direct \
	status=none)
check "and no other" sh -c "dd if=/dev/nbd0 bs=65536 count=1 iflag=direct status=none |
	cmp -n 65536 - '$tmp/text' && dd if=/dev/nbd0 bs=65536 skip=3 count=13 iflag=direct \
	status=none | cmp - '$tmp/text' 0 196608"
check "by a command of its own" test "$(stat_of zeroes)" -gt 0
check "BLKDISCARD of it all" blkdiscard /dev/nbd0
check_equal "the server has nothing to complain about" 0 "$(stat_of violations)"
end_ours

# What the server does not offer is not asked for.
begin_ours --flags ''
check "a server that can only read and write" job --rw=randwrite --bs=4k --size=1M --fsync=16 \
	"${verify[@]}"
check_fails "does not discard" blkdiscard /dev/nbd0
dd if="$tmp/text" of=/dev/nbd0 bs=1M oflag=direct status=none
check "but zeroes" blkdiscard --zeroout --length 131072 /dev/nbd0
check "really" cmp -n 131072 /dev/zero /dev/nbd0
asked=$(for i in flush trim zeroes violations; do stat_of $i; done | xargs)
if stock; then
	ktap_test_skip "by writing them" "7.2 remembers what the last server could"
else
	check_equal "by writing them" "0 0 0 0" "$asked"
fi
end_ours

connections=4 begin_ours
check "four connections" job --rw=randwrite --bs=4k --size=8M "${verify[@]}"
# even: the least used one has half of what the most used one has, or more.
even() {
	tell stats | tee /dev/stderr | awk '/^connection[0-9]/ {
			if (!n++ || $2 < least) least = $2
			if ($2 > most) most = $2
		} END { exit !(n == 4 && least * 2 >= most) }'
}
if stock; then
	ktap_test_skip "all four are used alike" "7.2 uses as many as there are processors"
else
	check "all four are used alike" even
fi
end_ours

# Somebody else's pattern: each 64-bit word is its offset.
kit "$tmp/pattern" pattern 16M
client -unix "$tmp/pattern" /dev/nbd0
check "nbdkit's pattern" python3 -c '
import struct, sys
with open("/dev/nbd0", "rb") as f:
    data = f.read()
assert data == struct.pack(">2097152Q", *range(0, 1 << 24, 8))
'
disconnect

kit "$tmp/delay" --filter=delay memory 16M rdelay=20ms wdelay=20ms
client -connections 2 -unix "$tmp/delay" /dev/nbd0
check "a slow server" job --rw=randwrite --bs=4k --size=2M "${verify[@]}"
disconnect

# Errors, each by its name: nbdkit-error-filter knows these.
# fails_with NAME ARGUMENTS: that is what ARGUMENTS complain of.
fails_with() {
	local text=$1
	shift
	"$@" >"$tmp/said" 2>&1 && return 1
	grep -q "$text" "$tmp/said" || { cat "$tmp/said"; return 1; }
}
wants_enospc=$(stock && echo 'Input/output error' || echo 'No space left on device')
for error in EIO ENOMEM EPERM ENOSPC; do
	kit "$tmp/error" --filter=error memory 16M error="$error" error-rate=100% \
		error-file="$tmp/now"
	touch "$tmp/now"
	client -unix "$tmp/error" /dev/nbd0
	text='Input/output error'
	[ "$error" != ENOSPC ] || text=$wants_enospc
	check "$error of a write: $text" fails_with "$text" \
		dd if=/dev/zero of=/dev/nbd0 bs=4096 count=1 oflag=direct
	rm -f "$tmp/now"
	check "after that the link is still good" dd if=/dev/nbd0 of=/dev/null bs=4096 count=1 \
		iflag=direct status=none
	disconnect
	kill -KILL "$served"
	wait "$served" 2>/dev/null
	rm -f "$tmp/error"
done

# BLKZEROOUT must do without, when a server offers more than it does.
for fault in error,cmd=zeroes,times=0,value=95 error,cmd=zeroes,times=0,value=22; do
	begin_ours --fault "$fault"
	dd if="$tmp/text" of=/dev/nbd0 bs=1M oflag=direct status=none
	if stock; then
		ktap_test_skip "BLKZEROOUT with $fault" "7.2 fails"
	else
		check "BLKZEROOUT with $fault" sh -c 'blkdiscard --zeroout --length 131072 \
			/dev/nbd0 && cmp -n 131072 /dev/zero /dev/nbd0'
	fi
	end_ours
done

# Connections die, and come back.
# killing SECONDS: every now and then one of them, or all.
killing() {
	local end=$((SECONDS + $1))
	while [ "$SECONDS" -lt "$end" ]; do
		sleep "0.$((RANDOM % 9 + 1))"
		if [ $((RANDOM % 2)) = 0 ]; then tell drop; else tell drop $((RANDOM % 2)); fi
	done >/dev/null
}
connections=2 begin_ours
"$genl" keep 0 "unix:$tmp/ours" >"$tmp/kept" 2>&1 &
keeper=$!
wait_for 20 grep -q ready "$tmp/kept"
killing "$(scaled 25 40)" &
killer=$!
check "fio while connections are killed" job --rw=randrw --bsrange=512-64k --blockalign=512 \
	--bs_unaligned=0 --size=16M --time_based --runtime=20 --fsync=64 \
	"${verify[@]}" --verify_backlog=256
check "a file system is made" mkfs.ext4 -q -b 4096 /dev/nbd0 32M
mkdir -p "$tmp/mnt"
check "and mounted" mount /dev/nbd0 "$tmp/mnt"
check "and filled" sh -c "cp -r /usr/share/perl5 '$tmp/mnt/' 2>&1 | head -n 3; sync; \
	dd if=/dev/urandom of='$tmp/mnt/random' bs=64k count=40 status=none && \
	sha256sum '$tmp/mnt/random' >'$tmp/sum'"
check "and unmounted" umount "$tmp/mnt"
check "fsck finds nothing" e2fsck -fn /dev/nbd0
mount /dev/nbd0 "$tmp/mnt"
check "what was written is there" sha256sum --quiet -c "$tmp/sum"
umount "$tmp/mnt"
kill "$killer" 2>/dev/null
check "connections were replaced all the time" test "$(grep -c reconnected "$tmp/kept")" -gt 10
check_equal "no error was logged" 0 "$(dmesg | grep -c 'I/O error, dev nbd0.* READ\|lost async page')"
kill "$keeper"
wait "$keeper" "$killer" 2>/dev/null
check_equal "and the server has nothing to complain about" 0 "$(stat_of violations)"
end_ours
ktap_finished
