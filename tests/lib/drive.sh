# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a test in a guest asks of the optical drives that "scripts/vm --drive" gave it. The
# commands are in tests/mmc-drive/README.

# The port behind which the drives are, once it was looked for.
_drive_port=''

# drive_ctl [@N] COMMAND...: asks drive N (0), prints what it answers; fails if it refuses.
drive_ctl() {
	local name line fd held status=2
	if [ -z "$_drive_port" ]; then
		name=$(grep -lx rblk.drive /sys/class/virtio-ports/*/name 2>/dev/null)
		name=${name%/name}
		[ -n "$name" ] || { echo 'there are no drives' >&2; return 2; }
		_drive_port=/dev/${name##*/}
	fi
	exec {held}>/run/lock/rblk-drive
	flock "$held"
	if exec {fd}<>"$_drive_port"; then
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
	for entry in /sys/bus/scsi/devices/*:"$1":0/block/sr*; do
		[ ! -e "$entry" ] || echo "/dev/${entry##*/}"
	done
}

# drive_is_there N
drive_is_there() {
	test -b "$(drive_sr "$1")"
}

# drive_as N MEDIA[,OPTION]...: makes drive N such a one, with a disc that is new to the kernel.
drive_as() {
	[ "$(drive_get "@$1" plugged)" = 1 ] || drive_ctl "@$1" plug
	wait_for 20 drive_is_there "$1" && drive_ctl "@$1" reset "$2" || return
	# An open that waits for the disc looks at what changed.
	blockdev --getsize64 "$(drive_sr "$1")" >/dev/null 2>&1
	drive_ctl "@$1" reset-stats
}
