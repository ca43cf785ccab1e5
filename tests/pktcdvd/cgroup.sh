#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
#
# Control groups that write through packet devices are counted and throttled, and nothing of theirs
# is kept when they are gone: not by the bios that go through, and not by those of the packets, which
# are used again and again. The latter belong to the group that the device's thread is in, so it is
# put into one.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/cgroup.sh
. "$(dirname "$0")/../lib/cgroup.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/lib/pkt.sh"

trap 'clean_up; rm -f "$ktap_output"' EXIT
clean_up
ktap_plan 18
random=$RBLK_SCRATCH/random
random_file "$random" 4M
check_equal "no group is on its way out" 0 "$(dying)"

# The thread of a packet device.
thread_of() {
	pgrep -x "$1"
}

throttled() {
	local start=$EPOCHREALTIME
	echo "$(packet_number "$name") wbps=2097152" >"$CGROUP/writer/io.max" &&
		in_group writer dd if="$random" of="$(node "$name")" bs=64k oflag=direct &&
		echo "$(packet_number "$name") wbps=max" >"$CGROUP/writer/io.max" &&
		[ $((${EPOCHREALTIME/./} - ${start/./})) -gt 1500000 ]
}

lower=$(new_ram size=16M)
name=$(map "$lower")
check "a group of writers" new_group writer
check "a group for the thread" new_group thread
check "the thread moves" write_to "$CGROUP/thread/cgroup.procs" "$(thread_of "$name")"
check "writes are throttled" throttled
check_equal "and counted" 4194304 "$(io_stat writer "$(node "$name")" wbytes)"
check "the packets are the thread's" test \
	"$(io_stat thread "$lower" wbytes)" -ge 4194304
# Every other frame: each packet has to be read before it is written.
check "scattered writes work" in_group writer fio --name=scattered --output=/dev/null \
	--filename="$(node "$name")" --rw=write:2k --bs=2k --direct=1 --size=1M
check "they made it read packets" test "$(io_stat thread "$lower" rbytes)" -gt 0
check "a group reads" in_group writer dd if="$(node "$name")" of=/dev/null bs=64k iflag=direct
check "which goes through" test "$(io_stat writer "$lower" rbytes)" -gt 0
check "it writes through the page cache" in_group writer \
	dd if="$random" of="$(node "$name")" bs=64k conv=fsync
check "the data are there" read_back "$(node "$name")" "$random"
check "a group goes while the packet device stays" group_ends writer
check "the device works on" dd if="$random" of="$(node "$name")" bs=64k oflag=direct
check "it is unmapped" unmap "$name"
check "the thread's group goes while the lower device stays" group_ends thread
write_to $RAM/remove "${lower#/dev/}"
check "nothing is left" clean_up
ktap_finished
