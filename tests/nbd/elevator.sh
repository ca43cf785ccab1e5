#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-quick: yes
# rblk-args: --append preempt=full
# rblk-timeout: 90
#
# The queue has no elevator and gets none, and no request is larger than it may be, whatever is
# written to sysfs; see lib/elevator.py.
exec python3 "$(dirname "$0")/lib/elevator.py"
