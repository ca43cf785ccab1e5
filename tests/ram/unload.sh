#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
#
# Nothing of the module runs any more once it is unloaded: disks that somebody still holds, without
# having them open, are waited for.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"

here=$(dirname "$0")

ktap_plan 3
rmmod rblk
check "unloading waits for who is being refused" "$here/lib/unload_race.py" 5 "$(patience 80)"
check "the module comes back" modprobe rblk
check "and goes" rmmod rblk
modprobe rblk
ktap_finished
