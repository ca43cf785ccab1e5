#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# swap-guest.sh SERVER: in a guest, swaps to /dev/nbd0 for RBLK_SWAP_SECONDS with RBLK_SWAP_PERCENT of
# its memory in use, and says how that went. SERVER is
#   ADDRESS...   outside, at these addresses and ports: one connection to each; if there are several,
#                rblk-nbd replaces lost ones
#   guide        outside, at the address in the guide, whose commands are run word for word
#   tcp, unix    in this guest, with /dev/vda behind it, reached over that
# With RBLK_SWAP_FAULTS, so many of a thousand allocations fail, of those that may wait as well, in the
# threads of the device, in kswapd and in who fills the memory.
# Restarts the guest if nothing moves any more; what the heartbeat says is on the console.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(realpath "$here/../../..")
# shellcheck source=tests/lib/recipes.sh
. "$top/tests/lib/recipes.sh"
programs=$top/target/release
seconds=${RBLK_SWAP_SECONDS:-60}
run=$RBLK_SCRATCH

fail() {
	echo "# $*"
	exit 1
}
# until_ok SECONDS COMMAND...
until_ok() {
	local tries=$(($1 * 5))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "in vain: $*"
		sleep 0.2
	done
}
has_size() { [ "$(cat /sys/block/nbd0/size)" -gt 0 ]; }

# Nothing of the server may be left to be loaded, or to be swapped out.
locked() {
	local size
	size=$(awk '/^VmSize:/ { print $2 }' "/proc/$1/status")
	awk -v size="$size" '/^VmLck:/ { exit !($2 > 0.9 * size) }' "/proc/$1/status"
}
serve() {
	"$programs/nbd-swap" guarded qemu-nbd -f raw -t -e 4 "$@" --cache=none --aio=native /dev/vda \
		>"$run/server.log" 2>&1 &
	until_ok 30 locked $!
	echo "# server: $(grep -E '^Vm(Size|Lck)' "/proc/$!/status" | tr -s '\t\n ' ' ')"
}

# network ADDRESS: that of this guest.
network() {
	ip addr add "$1/24" dev eth0
	ip link set eth0 up
}

# install_tools: what the guide requires: the commands and units of rblk-tools, with no configuration.
# This guest has no systemd. tests/nbd/lib/systemctl does what the lines of the unit say.
install_tools() {
	local installed=$run/installed
	mkdir -p "$installed/sbin" "$run/bin" "$run/etc" "$run/etc-work"
	ln -s "$programs/rblk-nbd" "$installed/sbin/"
	ln -s "$here/systemctl" "$run/bin/"
	mount -t overlay -o "lowerdir=/etc,upperdir=$run/etc,workdir=$run/etc-work" etc /etc
	"$top/tools/system/install.sh" "$installed"
	export RBLK_UNITS=$installed/lib/systemd/system PATH=$run/bin:$installed/sbin:$PATH
}
# follow NAME: runs that recipe. What it prints has the lines that the guide shows.
follow() {
	if ! recipe_commands "$1" >"$run/recipe" ||
		! bash -e -o pipefail "$run/recipe" >"$run/printed" 2>"$run/said" || ! recipe_shows "$1" "$run/printed"; then
		fail "$1: $(cat "$run/printed" "$run/said" /run/rblk-units/*.log)"
	fi
}

connect() { nbd-client -N '' "$@" /dev/nbd0 -b 4096; }

# The server gets what it needs for as many requests as there can be, before there is no memory left.
warm_up() {
	fio --name=warm-up --filename=/dev/nbd0 --rw=randrw --bs=4k --size=256M --io_size=16M --direct=1 \
		--ioengine=libaio --iodepth=128 >"$run/fio.log" 2>&1 || fail "fio: $(cat "$run/fio.log")"
}

# inject PER-MILLE: lets allocations fail, once memory is being filled.
inject() {
	local task what dir
	until pgrep -f 'nbd-swap stress' >/dev/null; do sleep 0.2; done
	for task in $(pgrep '^nbd0-[rt]x|^kswapd') $(pgrep -x nbd-swap); do
		# All but the heartbeat, which must not depend on anything.
		! grep -qa heartbeat "/proc/$task/cmdline" || continue
		for what in /proc/"$task"/task/*/make-it-fail; do echo 1 >"$what"; done
	done
	# The root file system cannot take it if inodes are dropped and that fails.
	echo 0 >/proc/sys/vm/vfs_cache_pressure
	for dir in failslab fail_page_alloc; do
		dir=/sys/kernel/debug/$dir
		echo Y >"$dir/task-filter"
		echo N >"$dir/ignore-gfp-wait"
		# One of ten, of every (100 / per mille)th.
		echo $((100 / $1)) >"$dir/interval"
		echo 0 >"$dir/verbose"
		echo 1000000 >"$dir/times"
		echo 10 >"$dir/probability"
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
}
injected() { echo $((1000000 - $(cat "/sys/kernel/debug/$1/times"))); }

# No other swapping, no page kept compressed instead.
[ ! -e /sys/module/zswap/parameters/enabled ] || echo N >/sys/module/zswap/parameters/enabled
echo 1 >/proc/sys/vm/overcommit_memory
echo 1 >/proc/sys/kernel/sysrq

# As the guide has it. The kernel's own driver has no such file.
[ ! -e /sys/block/nbd0/max_request_bytes ] || echo 4096 >/sys/block/nbd0/max_request_bytes

case $1 in
tcp)
	serve -p 10809 -b 127.0.0.1
	until_ok 30 connect 127.0.0.1 10809 >/dev/null 2>"$run/connect.log"
	;;
unix)
	serve -k "$run/socket"
	until_ok 30 connect -unix "$run/socket" >/dev/null 2>"$run/connect.log"
	;;
guide)
	network 192.0.2.2
	install_tools
	follow nbd-swap
	;;
*)
	# 10.99.N.1 is the server.
	network "${1%.*}.2"
	if [ $# -gt 1 ]; then
		"$programs/rblk-nbd" connect --swap nbd0 "$@" &
	else
		until_ok 30 connect "${1%:*}" "${1#*:}" >/dev/null 2>"$run/connect.log"
	fi
	;;
esac
until_ok 30 has_size
# All of the guide's device is swap space by now.
[ "$1" = guide ] || warm_up
echo "# device: scheduler $(cat /sys/block/nbd0/queue/scheduler)," \
	"max_sectors_kb $(cat /sys/block/nbd0/queue/max_sectors_kb)"
if [ "$1" != guide ]; then
	mkswap /dev/nbd0 >/dev/null
	swapon /dev/nbd0
fi

mib=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
use=$((mib * ${RBLK_SWAP_PERCENT:-200} / 200))
echo "# memory: $mib MiB, min_free_kbytes $(cat /proc/sys/vm/min_free_kbytes), in use 2 x $use MiB"
[ -z "${RBLK_SWAP_FAULTS:-}" ] || inject "$RBLK_SWAP_FAULTS" &
chrt --reset-on-fork -f 10 "$programs/nbd-swap" heartbeat --restart --every "${RBLK_SWAP_EVERY:-5}" \
	--show /proc/net/tcp --show /sys/block/nbd0/inflight --show /sys/block/nbd0/links \
	--show /sys/kernel/debug/block/nbd0/hctx0/busy -- \
	"$programs/nbd-swap" stress --workers 2 --mib "$use" --seconds "$seconds" \
	--swapped-out 2500
for attr in failslab fail_page_alloc; do
	[ ! -d /sys/kernel/debug/$attr ] || echo 0 >/sys/kernel/debug/$attr/probability
done
[ -z "${RBLK_SWAP_FAULTS:-}" ] ||
	echo "# faults: $(injected failslab) objects, $(injected fail_page_alloc) pages"
errors=$(dmesg | grep -E 'Write-error|Read-error|I/O error' || :)
[ -z "$errors" ] || fail "$errors"
if [ "$1" = guide ]; then
	follow nbd-swap-end
	sed -n 's/^rblk-nbd: /# keeper: /p' /run/rblk-units/rblk-nbd@nbd0.log
else
	swapoff /dev/nbd0
fi
! grep -q '^/dev/nbd0 ' /proc/swaps || fail "it is swap space still"
echo '# swapoff: done'
