#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
#
# The ioctls, in the right order and in any other; partitions; a mount that is pulled away; a
# module that goes while devices come. See lib/ioctls.py.
exec python3 "$(dirname "$0")/lib/ioctls.py"
