#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
# rblk-leaks: yes
#
# A server that breaks the rules ends in an error or a new connection, and never in a hang, wrong
# data or a complaint of the kernel; see lib/hostile.py.
exec python3 "$(dirname "$0")/lib/hostile.py"
