# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# udevd in a guest, with the rules of this machine and ours; and what desktops have above it. Sourced after tests/lib/drive.sh and
# tests/lib/ktap.sh, or something else that has patience and wait_for.

UDEV_LOG=$RBLK_SCRATCH/udevd.log
UDEV_RULES=/run/udev/rules.d/90-pktcdvd.rules
# Where the rules, the units and the configuration are installed, as "make install-tools" does it.
UDEV_PREFIX=$RBLK_SCRATCH/installed
_udev_pid='' _udev_polling='' _desktop_pids=()

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
	# More often than that: tests wait for what it finds.
	echo 500 >/sys/module/block/parameters/events_dfl_poll_msecs
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

# desktop_start NODE: Debian's udisks, and the bus by which it is asked, until it knows a device. File
# systems are mounted below /media.
desktop_start() {
	mountpoint -q /media || mount -t tmpfs -o mode=755 none /media || return
	mkdir -p /run/dbus
	dbus-daemon --system --nofork --nopidfile >"$RBLK_SCRATCH/dbus.log" 2>&1 &
	_desktop_pids+=($!)
	wait_for 20 test -S /run/dbus/system_bus_socket || return
	/usr/libexec/udisks2/udisksd --no-sigint >"$RBLK_SCRATCH/udisks.log" 2>&1 &
	_desktop_pids+=($!)
	wait_for 60 udisksctl info -b "$1"
}

desktop_stop() {
	[ ${#_desktop_pids[@]} = 0 ] || { kill "${_desktop_pids[@]}"; wait "${_desktop_pids[@]}"; }
	_desktop_pids=()
	! mountpoint -q /media || umount /media
	rm -rf /run/dbus /run/udisks2
}
