#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# driver.sh load [PARAMETER...]|unload: the driver under test, and only it; with these parameters of
# rblk.ko. RBLK_NBD_DRIVER=stock is the in-kernel one, which is not ours to judge, but to compare with.
set -u
what=$1
shift
case ${RBLK_NBD_DRIVER:-ours}-$what in
stock-load)
	[ ! -d /sys/module/rblk ] || rmmod rblk || exit
	[ ! -d /sys/module/nbd ] || rmmod nbd || exit
	# shellcheck disable=SC2012 # one file
	insmod "$(ls /run/rblk/lib/modules/*/kernel/drivers/block/nbd.ko | head -n 1)" || exit
	;;
stock-unload)
	[ ! -d /sys/module/nbd ] || rmmod nbd
	;;
ours-load)
	[ ! -d /sys/module/nbd ] || rmmod nbd || exit
	[ $# = 0 ] || [ ! -d /sys/module/rblk ] || rmmod rblk || exit
	[ -d /sys/module/rblk ] || modprobe rblk "$@" || exit
	;;
ours-unload)
	exit 0
	;;
esac
if [ "$what" = load ] && ! [ -e /dev/nbd0 ]; then
	echo 'there is no /dev/nbd0' >&2
	exit 1
fi
