# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a test in a guest asks of the optical drives that "scripts/vm --drive" gave it. The
# commands are in tests/mmc-drive/README.

# drive_ctl [@N] COMMAND...: asks drive N (0), prints what it answers; fails if it refuses.
drive_ctl() {
	local port name line fd held status=2
	for name in /sys/class/virtio-ports/*/name; do
		if [ "$(cat "$name" 2>/dev/null)" = rblk.drive ]; then
			port=${name%/name}
			port=/dev/${port##*/}
		fi
	done
	[ -n "${port:-}" ] || { echo 'there are no drives' >&2; return 2; }
	exec {held}>/run/lock/rblk-drive
	flock "$held"
	if exec {fd}<>"$port"; then
		printf '%s\n' "$*" >&"$fd"
		while read -t 60 -r line <&"$fd"; do
			case $line in
			OK) status=0 && break ;;
			ERR*) status=1 && echo "drive_ctl: ${line#ERR }" >&2 && break ;;
			*) printf '%s\n' "$line" ;;
			esac
		done
		exec {fd}>&-
	fi
	exec {held}>&-
	return "$status"
}

# drive_get [@N] NAME: a counter or a state.
drive_get() {
	case $1 in
	@*) drive_ctl "$1" get "$2" ;;
	*) drive_ctl get "$1" ;;
	esac
}

# drive_sr N: the block device of drive N.
drive_sr() {
	local entry
	for entry in /sys/block/sr*; do
		case $(realpath "$entry/device" 2>/dev/null) in
		*:"$1":0) echo "/dev/${entry##*/}" ;;
		esac
	done
}

# drive_reset: all drives as they were at first, with all discs new to the kernel.
drive_reset() {
	local n
	for ((n = 0; n < $(drive_ctl drives); n++)); do
		drive_ctl "@$n" plug
		wait_for 20 test -b "$(drive_sr "$n")"
		drive_ctl "@$n" reset
		# An open that waits for the disc looks at what changed.
		blockdev --getsize64 "$(drive_sr "$n")" >/dev/null 2>&1
		drive_ctl "@$n" reset-stats
	done
}
