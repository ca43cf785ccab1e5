#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --append preempt=full
# rblk-timeout: 120
#
# With requests of up to a MiB, as for file systems: what is written is read back, whole or in
# pieces, one bio or many, over TCP, IPv6 and a local socket, while connections die in the middle of it
# or the network loses packets; and an error is that of the request that the server has refused, and of
# no other.

# shellcheck disable=SC2119 # begin_ours has arguments elsewhere
# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/nbd/lib/nbd.sh
. "$(dirname "$0")/lib/nbd.sh"
# shellcheck source=tests/nbd/lib/data.sh
. "$(dirname "$0")/lib/data.sh"

ktap_plan 39
! stock || ktap_skip_all "the kernel's own driver has no such parameter"
have fio || ktap_skip_all 'no fio'
nbd_parameter=nbd_max_request_bytes=1048576
nbd_begin
over=tcp

begin_ours
check_equal "a request may have a MiB" 1024 "$(attribute 0 queue/max_hw_sectors_kb)"
requests 3M 16M 1048576
tell reset
check "small writes in order" job --rw=write --bs=4k --size=4M --iodepth_batch_submit=32 \
	--iodepth_batch_complete_min=32 "${verify[@]}"
check "go together" test "$(stat_of write)" -lt 512
tell reset
check "large reads through the page cache" dd if=/dev/nbd0 of=/dev/null bs=1M count=16 status=none
check "and go together" test "$(stat_of max_length)" -gt 65536

# Errors: of one request among others, and of a piece of one.
head -c 8M /dev/urandom >"$tmp/text"
put() { dd if="$tmp/text" of=/dev/nbd0 oflag=direct status=none "$@"; }
get() { dd if=/dev/nbd0 of="$tmp/back" iflag=direct status=none "$@"; }
check "a write of 8 MiB" put bs=8M
while read -r error number text; do
	tell fault "error,cmd=write,after=2,value=$number"
	check "$error of a write in pieces" fails_with "$text" put bs=8M count=1
	check "the next one is good" put bs=8M
	tell fault "error,cmd=read,after=2,value=$number"
	check "$error of a read in pieces" fails_with "$text" get bs=8M count=1
	check "the next one is good" get bs=8M count=1
	check "the data" cmp "$tmp/text" "$tmp/back"
done <<-END
	EIO 5 Input/output error
	ENOSPC 28 No space left on device
END
# one_fails: of eight writes at once one is refused; the others are there.
one_fails() {
	tell fault error,cmd=write,after=3,value=5
	PYTHONPATH=$nbd_lib python3 -S -c '
from nbd import *
device = Device(0)
fills = [bytes([n + 1]) for n in range(8)]
writers = [Background(outcome, device.io, True, n << 20, 1 << 20, fills[n]) for n in range(8)]
got = [writer.wait(60) for writer in writers]
expect(sorted(got) == ["EIO"] + ["ok"] * 7, got)
for n, fill in enumerate(fills):
    data = export_bytes(sys.argv[1], n << 20, 1 << 20)
    expect(got[n] == "EIO" or data == fill * (1 << 20), n)
' "$address"
}
check "of eight writes at once fails the one that is refused" one_fails
end_ours

# Each is served in a tenth of a second, and all of them take longer than any may.
ours
"$genl" connect 0 tcp:127.0.0.1:10999 "timeout=$(patience 2)" >/dev/null
tell reset
tell fault "deaf,cmd=write,value=$(patience 100),times=0"
check "a slow server may take longer than the timeout for all of its requests" \
	job --rw=write --bs=1M --size=48M --iodepth=48
tell fault none
check_equal "and none was sent twice" 48 "$(stat_of write)"
end_ours

# lossy COMMAND...: while the network loses three of a hundred packets, three or more in all. That ends
# with the command.
lossy() {
	local status
	tc qdisc add dev lo root netem loss 3% limit 10000 || return
	"$@"
	status=$?
	tc -s qdisc show dev lo | tee "$tmp/qdisc"
	tc qdisc del dev lo root
	[ "$status" = 0 ] && awk '/dropped/ { n = $7 + 0 } END { exit !(n >= 3) }' "$tmp/qdisc"
}
connections=2 over=tcp6 begin_ours
check_equal "two connections over IPv6" 2 "$(ss -Htn state established "dport = :10999" | grep -c '::1')"
check "a network that loses packets loses no data" lossy job --rw=randwrite --bsrange=4k-1m \
	--size=12M "${verify[@]}"
check_equal "and no connection" "up 0|up 0" "$(awk '{ print $2, $8 }' /sys/block/nbd0/links | paste -sd'|')"
keep
check "writes that are cut in the middle" each_dies cut,cmd=write,value=300000 6 \
	job --rw=randwrite --bsrange=256k-1m --blockalign=512 --bs_unaligned=0 --size=24M "${verify[@]}"
check "reads that are cut in the middle" each_dies short,cmd=read,value=200000 6 \
	job --rw=randwrite --bsrange=256k-1m --blockalign=512 --bs_unaligned=0 --size=24M "${verify[@]}"
check "writes that are not answered" each_dies close,cmd=write 6 \
	job --rw=randwrite --bsrange=4k-3m --blockalign=512 --bs_unaligned=0 --size=24M --fsync=8 \
	"${verify[@]}"
keeps_files 3
keep_no_more
end_ours

over=unix begin_ours
check "a local socket" job --rw=randwrite --bsrange=512-3M --blockalign=512 --bs_unaligned=0 --size=8M \
	"${verify[@]}"
check_equal "takes requests as large" 1048576 "$(stat_of max_length)"
end_ours
ktap_finished
