#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 240
# rblk-args: --cpus 3
#
# A minute of make torture: one round of each kind. RBLK_SEED= for another seed.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

ktap_plan 4
here=$(dirname "$0")
seed=${RBLK_SEED:-1}
seconds=6
[ ! -e /sys/kernel/debug/kmemleak ] || seconds=12
ktap_msg "seed $seed"
# round NUMBER
round() {
	"$here/guest.py" --seed "$seed" --first "$1" --rounds 1 --round-seconds "$seconds"
}
check "disks keep their data while all is in motion" round 0
check "faults are told, and nothing else is lost" round 1
check "each allocation may fail" round 2
check "the module comes and goes under its users" round 3
[ -d /sys/module/rblk ] || modprobe rblk
ktap_finished
