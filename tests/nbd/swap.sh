#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 1500
#
# A machine that swaps to a server elsewhere goes on, with more and more memory in use until it is
# twice what it has: for two minutes, or for RBLK_SWAP_SECONDS (make swap). It is set up by the commands
# of the guide, word for word. Its server stalls for 30 seconds, and is killed and started again. With
# RBLK_SWAP_SECONDS also while allocations fail, while one of two connections is lost now and then, and
# with a server of its own, over TCP and over a unix socket, if that needs no memory to serve. The same
# without what makes the driver safe (NBD_NAIVE) stops: so this would be noticed, and it is not the
# server that saves it. What becomes of a device whose server is killed while nobody replaces its
# connection is in keep.sh.

# shellcheck source=tests/nbd/lib/swap.sh
. "$(dirname "$0")/lib/swap.sh"

# no_network: why there can be no server outside, or nothing.
no_network() {
	if [ "$(id -u)" != 0 ]; then
		echo "a network of its own needs root"
	elif [ ! -c /dev/net/tun ]; then
		echo "there is no /dev/net/tun"
	elif ! have nbdkit; then
		echo "there is no nbdkit"
	elif ! unshare --net true 2>/dev/null; then
		echo "no network of its own is allowed"
	fi
}

if [ -z "${RBLK_SWAP_NETWORK:-}" ]; then
	swap_build || {
		ktap_plan 1
		ktap_test_fail "what it needs is built"
		ktap_finished
	}
	RBLK_SWAP_NETWORK=$(no_network)
	export RBLK_SWAP_NETWORK=${RBLK_SWAP_NETWORK:-yes}
	if [ "$RBLK_SWAP_NETWORK" = yes ]; then
		rm -rf "$swap_dir"
		# The network and all that runs in it end with this, whatever happens.
		exec unshare --net --pid --fork --mount-proc --kill-child "$0"
	fi
fi

# Two networks, for two guests at a time: 10.99.N.0/24.
outside=10.99.0.1:10999
if [ "$RBLK_SWAP_NETWORK" = yes ]; then
	ip link set lo up
	for n in 0 1; do
		ip tuntap add mode tap name "rblk$n"
		ip addr add "10.99.$n.1/24" dev "rblk$n"
		ip link set "rblk$n" up
	done
	# The server of the guide.
	ip addr add 192.0.2.1/24 dev rblk0
fi
# nic [N]: arguments for a guest in network N.
nic() {
	echo "-netdev tap,id=swap,ifname=rblk${1:-0},script=no,downscript=no -device virtio-net-pci,netdev=swap"
}

# serve PORT [N]: to network N, a disk of its own.
serve() { exec nbdkit -f -i "10.99.${2:-0}.1" -p "$1" file "$swap_dir/disk${2-}"; }
serve_guide() { exec nbdkit -f -i 192.0.2.1 file "$swap_dir/disk"; }

# swaps GUEST DIGITS: waits until it has swapped out a number of pages that has so many digits.
swaps() { until grep -aqE "heartbeat: .* out=[0-9]{$2}" "$swap_dir/$1.console"; do sleep 1; done; }

# stall_and_restart: once that guest swaps, stops its server for 30 seconds; then kills it and starts
# another one 4 seconds later, and does so again every 30 seconds.
stall_and_restart() {
	local server pause=5
	serve_guide &
	server=$!
	swaps guide 3
	kill -STOP "$server" && sleep 30 && kill -CONT "$server" && echo stall >>"$swap_dir/cuts"
	while sleep $pause; do
		pause=30
		kill -KILL "$server"
		wait "$server"
		echo restart >>"$swap_dir/cuts"
		sleep 4
		serve_guide &
		server=$!
	done 2>/dev/null
}

# cut PORT: kills the server every 15 seconds of swapping, and starts another one 4 seconds later.
cut() {
	local server
	serve "$1" &
	server=$!
	swaps links 4
	while sleep 15; do
		kill -KILL "$server"
		wait "$server"
		echo cut >>"$swap_dir/cuts"
		sleep 4
		serve "$1" &
		server=$!
	done 2>/dev/null
}

# A server outside: all results, or the reason why there are none.
while_allocations_fail() {
	RBLK_SWAP_FAULTS=10 swap_guest faults --qemu "$(nic)" -- "$outside"
	survives "it goes on while one of a hundred allocations fails" faults
	if wanted faults; then
		# shellcheck disable=SC2046 # two numbers
		check "which were many" awk 'BEGIN { exit !(ARGV[1] > 100 && ARGV[2] > 100) }' \
			$(sed -n 's/^# faults: \([0-9]*\) objects, \([0-9]*\) pages.*/\1 \2/p' \
				"$swap_dir/faults.out")
	else
		ktap_test_skip "which were many" "RBLK_SWAP_ONLY"
	fi
}
while_connections_die() {
	local cuts again
	touch "$swap_dir"/{cuts,links.console,links.out}
	cut 10998 &
	swap_guest links --qemu "$(nic)" -- "$outside" 10.99.0.1:10998
	cuts=$(wc -l <"$swap_dir/cuts")
	again=$(grep -c 'is there again' "$swap_dir/links.out")
	echo "# connection lost $cuts times, replaced $again times"
	survives "it goes on with one of two connections lost now and then" links
	if wanted links; then
		check "which is replaced" test "$again" -ge 1
	else
		ktap_test_skip "which is replaced" "RBLK_SWAP_ONLY"
	fi
}
# with_the_guide: set up as in the guide, with a server that stalls and restarts.
with_the_guide() {
	local title="though that stalled, was killed, and came back" keeper stalls restarts again
	if ! wanted guide; then
		ktap_test_skip "with a server elsewhere, as in the guide, it goes on" RBLK_SWAP_ONLY
		ktap_test_skip "$title" RBLK_SWAP_ONLY
		return
	fi
	touch "$swap_dir"/{cuts,guide.console,guide.out}
	stall_and_restart &
	keeper=$!
	# A beat is longer than without stalls: after four that brought nothing all is taken to be frozen.
	RBLK_SWAP_EVERY=15 RBLK_SWAP_SECONDS=$((RBLK_SWAP_SECONDS + 30)) swap_guest guide --qemu "$(nic)" -- guide
	kill "$keeper"
	stalls=$(grep -c stall "$swap_dir/cuts")
	restarts=$(grep -c restart "$swap_dir/cuts")
	again=$(grep -c '^# keeper: .* is there again' "$swap_dir/guide.out")
	rm "$swap_dir/cuts"
	echo "# stalled $stalls times, restarted $restarts times, connected again $again times"
	survives "with a server elsewhere, as in the guide, it goes on" guide
	check "$title" test "$stalls" -ge 1 -a "$restarts" -ge 1 -a "$again" -ge 1
}
with_one_outside() {
	local naive
	serve 10999 &
	serve 10999 1 &
	control_guest naive --qemu "$(nic 1)" -- 10.99.1.1:10999 >"$swap_dir/naive.said" &
	naive=$!
	if [ "$RBLK_NBD_DRIVER" = ours ]; then
		with_the_guide
	else
		# The kernel's own driver cannot do what the guide asks for.
		swap_guest guide --qemu "$(nic)" -- "$outside"
		survives "with a server elsewhere it goes on" guide
		ktap_test_skip "though that stalled, was killed, and came back" "another driver is looked at"
	fi
	wait "$naive"
	cat "$swap_dir/naive.said"
	freezes "and stops without precautions" naive
}
with_one_inside() {
	swap_guest tcp --disk "$swap_dir/disk" -- tcp
	survives "with a server of its own it goes on" tcp
	control_guest naive-tcp --disk "$swap_dir/disk" -- tcp
	freezes "and stops without precautions" naive-tcp
}

truncate -s 3G "$swap_dir/disk" "$swap_dir/disk1"
if [ -z "$swap_long" ]; then
	[ "$RBLK_SWAP_NETWORK" = yes ] || have qemu-nbd ||
		ktap_skip_all "$RBLK_SWAP_NETWORK, and there is no qemu-nbd"
	ktap_plan 3
	if [ "$RBLK_SWAP_NETWORK" = yes ]; then
		with_one_outside
	else
		with_one_inside
		ktap_test_skip "with a server elsewhere, as in the guide" "$RBLK_SWAP_NETWORK"
	fi
	ktap_finished
fi
ktap_plan 10
if [ "$RBLK_SWAP_NETWORK" = yes ]; then
	with_one_outside
	while_allocations_fail
	while_connections_die
else
	for i in 1 2 3 4 5 6 7; do ktap_test_skip "a server elsewhere, $i" "$RBLK_SWAP_NETWORK"; done
fi
with_one_inside
swap_guest unix --disk "$swap_dir/disk" -- unix
survives "over a unix socket it goes on" unix
ktap_finished
