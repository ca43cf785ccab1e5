#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
#
# Modules are loaded and unloaded while processes open their disks and read their files. Some loads
# fail: an allocation fails, a parameter is wrong, or another module has the driver. After an unload, and
# after a load that failed, no code of the module may run and none of its memory may be used: KASAN
# reports it, and the guest fails. unload.py does the work.
#
# For longer, by hand:
#   RBLK_UNLOAD_SECONDS=1200 scripts/vm --kernel debug --append kmemleak=off --timeout 1800 \
#       -- tests/torture/unload.sh

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

kinds=(
	'rblk: unloaded' 'nbd: unloaded' 'pktcdvd: unloaded' 'brd: unloaded' 'ubd: unloaded'
	'load without memory: failed' 'load that is refused' 'load beside another'
	'opened: ram' 'written and discarded: ram' 'opened: nbd' 'opened: packet' 'opened: ubd' 'opened: control'
	'read: file' 'holds its module while it is open' 'dead after an unload'
)
ktap_plan $((1 + ${#kinds[@]}))
rmmod rblk
# Opening a node of /dev/ram* whose disk has just gone makes the kernel load brd by its alias. Here only
# unload.py loads modules.
modprobe=$(cat /proc/sys/kernel/modprobe)
echo >/proc/sys/kernel/modprobe
# Whoever is preempted in the middle of a close finds the module gone, if an unload does not wait for it.
preempt=/sys/kernel/debug/sched/preempt
model=$(sed -n 's/.*(\(.*\)).*/\1/p' $preempt)
echo full >$preempt
check "modules come and go" "$(dirname "$0")/unload.py" "${RBLK_SEED:-1}" "${RBLK_UNLOAD_SECONDS:-30}" \
	"$RBLK_SCRATCH/done"
echo "$model" >$preempt
echo "$modprobe" >/proc/sys/kernel/modprobe
cat "$RBLK_SCRATCH/done"
for kind in "${kinds[@]}"; do
	check "$kind" grep -qE "^# [1-9][0-9]* $kind\$" "$RBLK_SCRATCH/done"
done
modprobe rblk
ktap_finished
