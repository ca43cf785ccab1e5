#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 1500
#
# A machine that swaps to a server of its own goes on, with more and more memory in use until it is
# twice what it has, if the server needs no memory to serve: over TCP, and over a unix socket. The
# same without what makes the driver safe (NBD_NAIVE) stops, so it is not the server that saves it.

# shellcheck source=tests/nbd/lib/swap.sh
. "$(dirname "$0")/lib/swap.sh"
have qemu-nbd || ktap_skip_all "there is no qemu-nbd"
swap_build || ktap_skip_all "it does not build"

ktap_plan 3
truncate -s 3G "$swap_dir/disk"
swap_guest tcp --disk "$swap_dir/disk" -- tcp
survives "over TCP it goes on" tcp
swap_guest unix --disk "$swap_dir/disk" -- unix
survives "over a unix socket it goes on" unix
control "without precautions it stops" --disk "$swap_dir/disk" -- tcp
ktap_finished
