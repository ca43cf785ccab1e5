#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-module: nbd
# rblk-timeout: 120
# rblk-leaks: yes
#
# nbd.ko is what scripts know by that name: its parameters, numbers and alias are those of the
# kernel's own nbd, which it stands in for, and neither it nor rblk.ko starts beside another one.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/nbd/lib/nbd.sh
. "$(dirname "$0")/lib/nbd.sh"
trap nbd_end EXIT
ktap_plan 82
params=/sys/module/nbd/parameters
# What modprobe takes, wherever it looks. insmod then leaves out what this machine has set for nbd
# in /etc/modprobe.d.
path_of() { modprobe --show-depends "$1" | sed -n 's/^insmod \([^ ]*\).*/\1/p'; }
nbd_ko=$(path_of nbd)
rblk_ko=$(path_of rblk)
in_tree=${nbd_ko%/updates/*}/kernel/drivers/block/nbd.ko

loaded() { [ -d "/sys/module/$1" ]; }
param() { cat "$params/$1"; }
nodes() { find /sys/block -name 'nbd*' | wc -l; }
minors_of() { cat "/sys/block/$1/dev"; }
# major_is NAME: who has major 43.
major_is() { awk '$1 == "Block" { block = 1 } block && $1 == 43 { print $2 }' /proc/devices; }
unload() { ! loaded "$1" || rmmod "$1"; }

# What modinfo says.
check_equal "the name" nbd "$(modinfo -F name "$nbd_ko")"
check_equal "the alias by which the family is looked for" \
	net-pf-16-proto-16-family-nbd "$(modinfo -F alias "$nbd_ko")"
check_equal "the licence" GPL "$(modinfo -F license "$nbd_ko")"
for p in nbds_max:int max_part:int max_request_bytes:uint; do
	check "parameter $p" grep -q "^${p%:*}:.* (${p#*:})$" <<<"$(modinfo -F parm "$nbd_ko")"
done
check "it comes before the kernel's own" grep -q /updates/ <<<"$nbd_ko"
check_equal "rblk.ko has not the name" '' "$(modinfo -F alias "$rblk_ko" | grep nbd)"
for p in nbd_nbds_max:int nbd_max_part:int nbd_max_request_bytes:uint; do
	check "rblk.ko: parameter $p" grep -q "^${p%:*}:.* (${p#*:})$" <<<"$(modinfo -F parm "$rblk_ko")"
done

# As it is without parameters.
unload nbd
check "it is loaded" insmod "$nbd_ko"
check_equal "its major number is nbd's" nbd "$(major_is)"
check_equal "sixteen devices" 16 "$(nodes)"
check_equal "the first has the first number" 43:0 "$(minors_of nbd0)"
check_equal "the next comes after its partitions" 43:32 "$(minors_of nbd1)"
check_equal "a device has no size" 0 "$(cat /sys/block/nbd15/size)"
check_equal "nbds_max" 16 "$(param nbds_max)"
check_equal "max_part is what has become of it" 31 "$(param max_part)"
check_equal "max_request_bytes" 1048576 "$(param max_request_bytes)"
check_equal "is what a device has" "1048576 1024" \
	"$(cat /sys/block/nbd0/{max_request_bytes,queue/max_hw_sectors_kb} | xargs)"
check_equal "and with it goes what is read ahead, as with the kernel's own" 256 \
	"$(cat /sys/block/nbd0/queue/read_ahead_kb)"
check_equal "with no scheduler" "[none]" "$(grep -o '\[.*\]' /sys/block/nbd0/queue/scheduler)"
check_equal "parameters are for reading only" "444 444 444" \
	"$(stat -c %a "$params"/{nbds_max,max_part,max_request_bytes} | xargs)"
check "it goes" rmmod nbd
check_equal "and with it the number" '' "$(major_is)"
check_equal "and the devices" 0 "$(nodes)"

# max_part given, max_part read, number of nbd1.
while read -r given read second; do
	check "max_part=$given" insmod "$nbd_ko" nbds_max=2 max_part="$given"
	check_equal "is read as $read, and nbd1 is $second" "$read 43:$second" \
		"$(param max_part) $(minors_of nbd1)"
	unload nbd
done <<-END
	0 0 1
	1 1 2
	15 15 16
	255 255 256
END
# Of a disk with a partition table, partitions that can be.
ours --size 8M
# table: an MBR with two partitions of 512 KiB.
table() {
	head -c 446 /dev/zero
	printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\004\0\0'
	printf '\0\0\0\0\203\0\0\0\0\020\0\0\0\004\0\0'
	head -c 32 /dev/zero
	printf '\125\252'
	head -c 3584 /dev/zero
}
# partitions: of nbd0, when it is connected and was opened.
partitions() {
	"$genl" connect 0 "unix:$tmp/ours" >/dev/null && : </dev/nbd0 && partx -rgo NR /dev/nbd0 | xargs
	find /sys/block/nbd0/ -maxdepth 1 -name 'nbd0p*' | wc -l
}
# asked_for: whether a program that adds each partition by itself can.
asked_for() {
	[ -e /sys/block/nbd0/nbd0p2 ] || partx -a /dev/nbd0 || return
	[ -b /dev/nbd0p2 ] && [ "$(cat /sys/block/nbd0/nbd0p2/start)" = 4096 ]
}
# gone: prints how many partitions there are of what was disconnected and opened.
gone() {
	"$genl" disconnect 0 && becomes_unused 0
	: </dev/nbd0
	find /sys/block/nbd0/ -maxdepth 1 -name 'nbd0p*' | wc -l
}
while read -r given wanted; do
	insmod "$nbd_ko" nbds_max=1 max_part="$given"
	if [ "$given" = 15 ]; then
		"$genl" connect 0 "unix:$tmp/ours" >/dev/null
		table >/dev/nbd0
		"$genl" disconnect 0
		becomes_unused 0
	fi
	check_equal "max_part=$given: of two partitions there are $wanted" "1 2 $wanted" \
		"$(partitions | xargs)"
	check "max_part=$given: who asks for them gets them" asked_for
	check_equal "and they go with the connection" 0 "$(gone)"
	check "it goes" rmmod nbd
done <<-END
	15 2
	0 0
END
check "no devices at load" insmod "$nbd_ko" nbds_max=0
check_equal "are none" 0 "$(nodes)"
unload nbd

# refused PARAMETER...: EINVAL, and nothing is left.
refused() {
	check "refused: $*" grep -qi 'invalid \(argument\|param\)' <<<"$(insmod "$nbd_ko" "$@" 2>&1)"
	check_equal "and nothing is left" "" "$(loaded nbd && echo loaded)$(major_is)"
	unload nbd
}
refused max_part=-1
refused max_part=256
refused nbds_max=-1
refused nbds_max=32769
refused nbds_max=4097 max_part=255
refused max_request_bytes=1
check_fails "a number that is none" insmod "$nbd_ko" nbds_max=many

# A disk that cannot be added stays out alone: another may be open by then.
insmod "$rblk_ko" nbd_nbds_max=0
write_to /sys/class/rblk-ram/add "size=1M name=nbd15"
(
	until exec 3</dev/nbd0; do :; done 2>/dev/null
	until [ -e "$tmp/let-go" ]; do sleep 0.1; done
) &
holder=$!
mark
check "the name of a disk is taken" insmod "$nbd_ko"
check_equal "one line tells which" 1 "$(since | grep -c ' nbd: nbd15: not added:')"
check_equal "the others are there" 16 "$(nodes)"
touch "$tmp/let-go"
wait "$holder"
check "it goes" rmmod nbd
check "so does the disk that has the name" write_to /sys/class/rblk-ram/remove nbd15
unload rblk

# Beside our other module.
check "rblk.ko without nbd" insmod "$rblk_ko" nbd_nbds_max=0
check_equal "leaves nbd's number alone" '' "$(major_is)"
check "nbd.ko beside it" insmod "$nbd_ko" nbds_max=1
check "rblk.ko goes first" rmmod rblk
check "a device is still there" test -b /dev/nbd0
mark
check "rblk.ko comes beside nbd.ko" insmod "$rblk_ko"
check_equal "with one line that tells why" 1 "$(since | grep -c ' nbd: .*major 43')"
check "and has its other drivers" test -d /sys/class/pktcdvd -a -d /sys/class/rblk-ram
unload nbd
unload rblk
check "rblk.ko with nbd" insmod "$rblk_ko" nbd_max_part=3
check_equal "has nbd's number, and shows what became of max_part" "nbd 3" \
	"$(major_is) $(cat /sys/module/rblk/parameters/nbd_max_part)"
mark
check "nbd.ko does not start beside it" \
	grep -q 'Device or resource busy' <<<"$(insmod "$nbd_ko" 2>&1)"
check_equal "with one line that tells why" 1 "$(since | grep -c ' nbd: .*major 43')"
unload rblk

# Beside the kernel's own.
if [ -e "$in_tree" ]; then
	insmod "$in_tree" nbds_max=1
	mark
	check "rblk.ko beside the kernel's own nbd" insmod "$rblk_ko"
	check_equal "has one line about it" 1 "$(since | grep -c ' nbd: .*major 43')"
	unload rblk
	unload nbd
else
	ktap_test_skip "rblk.ko beside the kernel's own nbd" "no such module"
	ktap_test_skip "has one line about it" "no such module"
fi

# What looks for a netlink family that is not there has the kernel load it.
if have genl; then
	check "it is loaded for its family" genl ctrl get name nbd
	check_equal "with its number" nbd "$(major_is)"
	check "and is not held by that" rmmod nbd
else
	for title in "it is loaded for its family" "with its number" "and is not held by that"; do
		ktap_test_skip "$title" "no genl"
	done
fi
check "it is loaded by its alias" modprobe net-pf-16-proto-16-family-nbd
check_equal "with its number" nbd "$(major_is)"
ktap_finished
