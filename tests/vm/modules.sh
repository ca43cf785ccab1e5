#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
# rblk-timeout: 600
#
# What the modules want of the kernel. The SCSI layer is a module on most machines: only a driver
# for optical drives may pull it in. And a helper of ours is ours also where the kernel has one of
# the same name.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
top=$(realpath "$(dirname "$0")/../..")
ktap_plan 13

build() { ko=$("$top/scripts/module.sh" fast) && built=${ko%/*}; }
check "the modules are built" build

# wants MODULE: the names that it does not have itself.
wants() { nm -u "$built/$1.ko" | awk '{ print $2 }'; }
# has_crate MODULE CRATE
has_crate() { nm "$built/$1.ko" | grep -qE "Cs[0-9A-Za-z]+_${#2}$2"; }
wants_scsi() { wants "$1" | grep -E '^(scsi|cdrom)_'; }

for module in nbd brd; do
	check_fails "$module.ko has no driver for optical drives" has_crate "$module" pktcdvd
	check_fails "and wants nothing of the SCSI layer" wants_scsi "$module"
done
for module in pktcdvd rblk; do
	check "$module.ko has a driver for optical drives" has_crate "$module" pktcdvd
	check "and sends commands to them" eval "wants_scsi $module | grep -qx scsi_execute_cmd"
done
check "nbd.ko has the driver that it is named for" has_crate nbd nbd
check "and brd.ko its own" has_crate brd ram

ours=$(sed -nE 's/.*\brb_helper_([a-z0-9_]+)\(.*/\1/p' "$top"/rust/helpers/*.c | sort -u)
theirs=$(for file in "$built"/*.ko; do wants "$(basename "$file" .ko)"; done | sed -n 's/^rust_helper_//p' | sort -u)
check "the modules use the kernel's helpers and ours" test -n "$ours" -a -n "$theirs"
check_equal "each of ours by its name" '' "$(comm -12 <(echo "$ours") <(echo "$theirs"))"
ktap_finished
