# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Packet devices on emulated drives, for tests. Sourced after tests/lib/ktap.sh.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$here/../../pktcdvd/lib/pkt.sh"
# shellcheck source=tests/lib/drive.sh
. "$here/../../lib/drive.sh"
# shellcheck disable=SC2034 # used by those who read this file
OPTICAL=$here

# fresh N [MEDIA[,OPTION]...]: a fresh disc in drive N, which is as it was at first, or such a one;
# mapped: $drive, $sr, $name, $node.
fresh() {
	drive=$1
	clean_up
	drive_ctl "@$drive" reset ${2:+"$2"} >/dev/null
	sr=$(drive_sr "$drive")
	# shellcheck disable=SC2034 # used by those who read this file
	name=$(map "$sr") && node=$(node "$name")
}

# get COUNTER: of the drive that is mapped.
get() {
	drive_get "@$drive" "$1"
}

# order COMMAND...: to the drive that is mapped.
order() {
	drive_ctl "@$drive" "$@"
}

# One process carries out all orders, since it takes an emulated machine long to start one. Nobody
# waits for its end.
coproc DISK { exec python3 -SE "$OPTICAL/disk.py"; }
disown "$DISK_PID"
exec {disk_to}>&"${DISK[1]}" {disk_from}<&"${DISK[0]}"

# disk ORDER...: carries out orders on a block device in one open, and prints what came of each,
# "ok" or the name of the errno; see lib/disk.py. One at a time.
disk() {
	local answer
	printf '%s\37' "$@" >&"$disk_to" && printf '\0' >&"$disk_to" &&
		IFS= read -r answer <&"$disk_from" && printf '%s\n' "$answer"
}

# disk_beside ORDER...: the same by a process of its own, for one that goes on meanwhile.
disk_beside() {
	exec python3 -SE "$OPTICAL/disk.py" "$@"
}

# oks N: what disk prints if N orders come out well.
oks() {
	printf 'ok %.0s' $(seq "$1") | sed 's/ $//'
}

# disk_size NODE: in sectors, as it is known without opening it.
disk_size() {
	cat "$(sysfs "$1")/size"
}
