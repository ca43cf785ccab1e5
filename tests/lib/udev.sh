# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# udevd in a guest, with the rules of this machine and ours. Sourced after tests/lib/drive.sh and
# tests/lib/ktap.sh, or something else that has patience and wait_for.

UDEV_LOG=$RBLK_SCRATCH/udevd.log
UDEV_RULES=/run/udev/rules.d/90-pktcdvd.rules
# Where the rules, the units and the configuration are installed, as "make install-tools" does it.
UDEV_PREFIX=$RBLK_SCRATCH/installed
_udev_pid='' _udev_polling=''

# udev_start COMMAND: with the command pktcdvd that the rules are to use; then the drives are looked
# at, as when a machine boots.
udev_start() {
	local top
	top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
	mkdir -p "$UDEV_PREFIX/sbin" "${UDEV_RULES%/*}" &&
		ln -sfn "$(realpath "$1")" "$UDEV_PREFIX/sbin/pktcdvd" &&
		"$top/tools/system/install.sh" "$UDEV_PREFIX" "" "$UDEV_PREFIX/etc" &&
		ln -sfn "$UDEV_PREFIX/lib/udev/rules.d/${UDEV_RULES##*/}" "$UDEV_RULES" || return
	_udev_polling=$(cat /sys/module/block/parameters/events_dfl_poll_msecs)
	SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-udevd >"$UDEV_LOG" 2>&1 &
	_udev_pid=$!
	wait_for 20 udevadm control --ping || return
	# 60-block.rules has the kernel poll drives.
	udevadm trigger --type=subsystems --action=add --subsystem-match=module --sysname-match=block
	udevadm trigger --action=add --subsystem-match=block --sysname-match='sr*'
	udev_settle
}

udev_settle() { udevadm settle --timeout="$(patience 30)"; }

udev_stop() {
	if [ -n "$_udev_pid" ]; then
		kill "$_udev_pid"
		wait "$_udev_pid"
		_udev_pid=''
		echo "$_udev_polling" >/sys/module/block/parameters/events_dfl_poll_msecs
	fi
	rm -rf /run/udev
}
