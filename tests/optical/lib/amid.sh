# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The system sleeps in the midst of work on a packet device. Sourced after optical.sh and stock.sh.

# amid COMMAND PATH...: runs that in the midst of reads, direct writes, and buffered writes with an
# fsync each, all on one device or each on a file; prints its status, and what came of each.
amid() {
	local command=$1 kind at=0 busy=() status stop=$RBLK_SCRATCH/stop begun=$RBLK_SCRATCH/begun
	shift
	rm -f "$stop"
	for kind in read direct buffered; do
		rm -f "$begun.$kind"
		python3 -SE "$OPTICAL/busy.py" $kind "$1" $at "$begun.$kind" "$stop" \
			>"$RBLK_SCRATCH/busy.$kind" 2>&1 &
		busy+=($!)
		at=$((at + 4194304))
		[ $# -eq 1 ] || { shift && at=0; }
	done
	for kind in read direct buffered; do
		within 60 test -e "$begun.$kind" || echo "$kind does not begin"
	done
	sh -c "$command" 2>"$RBLK_SCRATCH/status"
	status=$?
	touch "$stop"
	wait "${busy[@]}"
	echo "$status $(cat "$RBLK_SCRATCH"/busy.{read,direct,buffered} | tr '\n' ' ' | sed 's/ $//')"
}

# amid_frozen NODE COMMAND: the same on a file system on the packet device NODE; it is frozen before
# the tasks are. Prints whether it could be unmounted after that, too.
amid_frozen() {
	local node=$1 came
	mkfs.ext4 -q -F -b 2048 "$node" && mount "$node" "$MNT" &&
		dd if=/dev/zero of="$MNT/read" bs=1M count=4 conv=fsync status=none || return
	order set slow=20
	echo 1 >/sys/power/freeze_filesystems
	came=$(amid "$2" "$MNT/read" "$MNT/direct" "$MNT/buffered")
	echo 0 >/sys/power/freeze_filesystems
	order set slow=0
	umount "$MNT"
	echo "$came unmounted $?"
}
