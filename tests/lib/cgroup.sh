# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Control groups whose block IO is counted and throttled, for tests. Sourced after
# tests/lib/ktap.sh.

CGROUP=/sys/fs/cgroup

# new_group NAME
new_group() {
	echo '+io +memory' >"$CGROUP/cgroup.subtree_control" && mkdir "$CGROUP/$1"
}

# in_group NAME COMMAND...
in_group() (
	_group=$1
	shift
	exec sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$CGROUP/$_group" "$@"
)

# io_stat NAME NODE KEY: prints what the group has done to a block device: rbytes,
# wbytes, rios, wios, dbytes, dios.
io_stat() {
	awk -v dev="$(cat "/sys/class/block/$(basename "$(realpath "$2")")/dev")" -v key="$3=" '
		$1 == dev { for (i = 2; i <= NF; i++) if (sub("^" key, "", $i)) n = $i }
		END { print n + 0 }
	' "$CGROUP/$1/io.stat"
}

# dying: prints how many groups are gone by name, but not all that belongs to them.
dying() {
	awk '$1 == "nr_dying_descendants" { print $2 }' "$CGROUP/cgroup.stat"
}

# drain_charges: has each processor give back what it has charged in advance. One that
# has used up just what it had for a group still refers to it, and is not asked when that
# group goes, but gives up all that it has when another group goes that it has some for
# (is_memcg_drain_needed() and drain_stock_fully() in mm/memcontrol.c).
drain_charges() {
	mkdir "$CGROUP/rblk-drain" || return
	for _cpu in $(seq 0 $(($(nproc) - 1))); do
		in_group rblk-drain taskset -c "$_cpu" true
	done
	rmdir "$CGROUP/rblk-drain"
}

# group_ends NAME [SECONDS]: removes a group, and waits until nothing refers to it any more:
# a bio that was not given back would keep it for ever. The page cache may, too. Something
# else keeps it for so many seconds, on any machine.
group_ends() {
	rmdir "$CGROUP/$1" || return
	for _try in $(seq $(($(patience 30) + ${2:-0}))); do
		echo 3 >/proc/sys/vm/drop_caches
		[ "$(dying)" -ne 0 ] || return 0
		# The group that this takes has to end, too.
		[ $((_try % 3)) -ne 2 ] || drain_charges
		sleep 1
	done
	return 1
}
