#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
#
# The generic netlink family, as it should be used and as it should not; see lib/netlink.py.
exec python3 "$(dirname "$0")/lib/netlink.py"
