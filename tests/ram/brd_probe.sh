#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-module: brd
# rblk-timeout: 60
#
# brd.ko refuses what it cannot do before anything is there, and goes while disks are asked for.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

ktap_plan 6
# A path, so that insmod takes no parameters from this machine's /etc/modprobe.d.
ours=$(modprobe --show-depends brd | sed -n 's/^insmod \([^ ]*\).*/\1/p')
pages=/sys/kernel/debug/ramdisk_pages
tmp=$RBLK_SCRATCH

unload() { [ ! -d /sys/module/brd ] || wait_for 30 rmmod brd; }

# refused PARAMETER...: EINVAL, and nothing is left.
unload
refused() {
	local said
	said=$(insmod "$ours" "$@" 2>&1)
	check "refused: $*" grep -qi 'invalid \(argument\|param\)' <<<"$said"
	check "and nothing is left" sh -c "! grep -w ramdisk /proc/devices && [ ! -e $pages ]"
	unload
}
refused max_part=-1
refused rd_size=9007199254740992

# Disks are asked for while the module goes. Nobody loads it but this.
unload
modprobe=$(cat /proc/sys/kernel/modprobe)
echo >/proc/sys/kernel/modprobe
askers=''
for minor in 3 7; do
	mknod "$tmp/ask$minor" b 1 "$minor"
	while [ ! -e "$tmp/stop" ]; do
		: <"$tmp/ask$minor"
	done 2>/dev/null &
	askers="$askers $!"
done
rounds() {
	local i
	for i in 1 2 3 4; do
		insmod "$ours" rd_nr=0 rd_size=64 || return
		# Both askers have had theirs, and go on asking.
		wait_for 30 test -b /dev/ram3 -a -b /dev/ram7 || return
		unload || return
	done
	echo "$i rounds"
}
check "disks come on demand while the module comes and goes" rounds
touch "$tmp/stop"
# shellcheck disable=SC2086 # a list
wait $askers
echo "$modprobe" >/proc/sys/kernel/modprobe
check "nothing is left of them" sh -c '! ls /sys/block | grep ^ram'
ktap_finished
