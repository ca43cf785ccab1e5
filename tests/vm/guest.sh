#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-timeout: 60
#
# The guest is what scripts/vm promises.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 8

scratch_is_memory() {
	test -w "$RBLK_SCRATCH" && stat -f -c %T "$RBLK_SCRATCH" | grep -q tmpfs
}

root_is_read_only() {
	! touch /rblk-was-here
}

module_by_alias() {
	rmmod rblk && modprobe rblk && test -d /sys/module/rblk
}

kernel_module() {
	modprobe null_blk nr_devices=1 && test -b /dev/nullb0 && rmmod null_blk
}

check_equal "runs as root" 0 "$(id -u)"
check "the module is loaded" test -d /sys/module/rblk
check "scratch is in memory" scratch_is_memory
check "the host's files are safe" root_is_read_only
check "debugfs, configfs and tracefs are there" \
	test -d /sys/kernel/debug/block -a -d /sys/kernel/config -a -e /sys/kernel/tracing/trace
check "modprobe finds the module" module_by_alias
check "modprobe finds the kernel's modules" kernel_module
check "standard error can be opened by name" sh -c 'echo x >/dev/stderr'
ktap_finished
