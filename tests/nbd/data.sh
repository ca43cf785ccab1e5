#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --append preempt=full
# rblk-timeout: 120
#
# What is written is read back: by fio, with every kind of request, while connections are killed,
# and by a file system. Errors of the server arrive as what they are, and nowhere else.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/nbd/lib/nbd.sh
. "$(dirname "$0")/lib/nbd.sh"
# shellcheck source=tests/nbd/lib/data.sh
. "$(dirname "$0")/lib/data.sh"

ktap_plan 47
nbd_begin
have fio || ktap_skip_all 'no fio'

disconnect() {
	client -d /dev/nbd0
	becomes_unused 0
}

begin_ours
requests 256k 2M 4096
check "flushes" job --rw=randwrite --bs=4k --fsync=16 --size=1M "${verify[@]}"
check "flushes reach the server" test "$(stat_of flush)" -gt 10
check "O_DSYNC" job --rw=randwrite --bs=4k --sync=dsync --size=512k --iodepth=4 "${verify[@]}"
check "which is FUA" test "$(stat_of fua)" -gt 100
check "writes and trims" job --rw=trimwrite --bs=64k --size=8M "${verify[@]}"
check "trims reach the server" test "$(stat_of trim)" -gt 100
yes pattern | head -c 1M >"$tmp/text"
dd if="$tmp/text" of=/dev/nbd0 bs=1M oflag=direct status=none
check "BLKZEROOUT" blkdiscard --zeroout --offset 65536 --length 131072 /dev/nbd0
check "zeroes that range" cmp -n 131072 /dev/zero <(dd if=/dev/nbd0 bs=65536 skip=1 iflag=direct \
	status=none)
check "and no other" sh -c "dd if=/dev/nbd0 bs=65536 count=1 iflag=direct status=none |
	cmp -n 65536 - '$tmp/text' && dd if=/dev/nbd0 bs=65536 skip=3 count=13 iflag=direct \
	status=none | cmp - '$tmp/text' 0 196608"
zeroes=$(stat_of zeroes)
check "by commands of its own" test "$zeroes" -gt 0
check_equal "that make no holes" "$zeroes" "$(stat_of no_hole)"
fallocate --punch-hole --offset 1M --length 128k /dev/nbd0
check_equal "and where there may be a hole, one that may" "$((zeroes + 1)) $zeroes" \
	"$(stat_of zeroes) $(stat_of no_hole)"
check "BLKDISCARD of it all" blkdiscard /dev/nbd0
check_equal "the server has nothing to complain about" 0 "$(stat_of violations)"
end_ours

# What the server does not offer is not asked for.
begin_ours --flags ''
check "a server that can only read and write" job --rw=randwrite --bs=4k --size=512k --fsync=16 \
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
check "four connections" job --rw=randwrite --bs=4k --size=2M "${verify[@]}"
# even: the least used one has half of what the most used one has, or more. On a busy machine the
# thread that serves one may not run for a while, and that one gets less; but not each time.
even() {
	local i
	for i in 1 2 3 4 5; do
		is_even && return
		tell reset
		job --rw=randwrite --bs=4k --size=2M
	done
	return 1
}
is_even() {
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
kit "$tmp/pattern" pattern 4M
client -unix "$tmp/pattern" /dev/nbd0
check "nbdkit's pattern" python3 -SE -c '
import struct, sys
with open("/dev/nbd0", "rb") as f:
    data = f.read()
assert data == struct.pack(">524288Q", *range(0, 1 << 22, 8))
'
disconnect

kit "$tmp/delay" --filter=delay memory 16M rdelay=20ms wdelay=20ms
client -connections 2 -unix "$tmp/delay" /dev/nbd0
check "a slow server" job --rw=randwrite --bs=4k --size=1M "${verify[@]}"
disconnect

# Errors, each by its name: nbdkit-error-filter knows these.
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
# killing: every now and then one of them, or all.
killing() {
	RANDOM=${RBLK_SEED:-1}
	while sleep "0.$((RANDOM % 9 + 1))"; do
		if [ $((RANDOM % 2)) = 0 ]; then tell drop; else tell drop $((RANDOM % 2)); fi
	done >/dev/null
}
connections=2 begin_ours
keep
killing &
killer=$!
check "fio while connections are killed" until_replaced 10 job --rw=randrw --bsrange=512-64k \
	--blockalign=512 --bs_unaligned=0 --size=4M --fsync=64 "${verify[@]}" --verify_backlog=256
kill "$killer"
wait "$killer" 2>/dev/null
check "fio while one of some requests is not answered" each_dies close 200 job --rw=randwrite \
	--bsrange=512-64k --blockalign=512 --bs_unaligned=0 --size=4M --fsync=64 "${verify[@]}"
keeps_files 30
keep_no_more
end_ours
ktap_finished
