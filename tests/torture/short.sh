#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 300
# rblk-args: --cpus 3
#
# A minute of make torture: one round of each kind but that of failing allocations, which is in
# allocations.sh. RBLK_SEED= for another seed.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/torture/lib/rounds.sh
. "$(dirname "$0")/lib/rounds.sh"

ktap_plan 15
check "disks keep their data while all is in motion" round 0 5
for kind in 'ram disks, front=bio' 'ram disks, front=mq' 'packet add' 'nbd connect' 'ubd remove'; do
	check "with disks: $kind" done_some "$kind"
done
check "faults are told, and nothing else is lost" round 1 5
check_equal "each kind of disk had some" 4 "$(counted 'disks that met errors')"
check "allocations failed" test \
	$(($(counted 'injected: failslab') + $(counted 'injected: fail_page_alloc'))) -gt 0
check "what was left was looked at" done_some 'bytes verified'
check "the module comes and goes under its users" round 3 5
for kind in 'module unloaded' 'module loaded' 'module refused' 'nodes opened'; do
	check "there was: $kind" done_some "$kind"
done
ktap_finished
