#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 1500
#
# A machine that swaps to a server elsewhere goes on, with more and more memory in use until it is
# twice what it has: for two minutes, or for RBLK_SWAP_SECONDS (make swap); then also while allocations
# fail, while one of two connections is lost and made again by a program of that machine, and with a
# server of its own, over TCP and over a unix socket, if that needs no memory to serve. The same
# without what makes the driver safe (NBD_NAIVE) stops: so this would be noticed, and it is not the
# server that saves it.

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

outside=10.99.0.1:10999
if [ "$RBLK_SWAP_NETWORK" = yes ]; then
	ip link set lo up
	ip tuntap add mode tap name rblk0
	ip addr add 10.99.0.1/24 dev rblk0
	ip link set rblk0 up
fi
nic='-netdev tap,id=swap,ifname=rblk0,script=no,downscript=no -device virtio-net-pci,netdev=swap'

serve() { exec nbdkit -f -i 10.99.0.1 -p "$1" file "$swap_dir/disk"; }

# cut PORT: kills the server every 15 seconds of swapping, and starts another one 4 seconds later.
cut() {
	local server
	serve "$1" &
	server=$!
	until grep -aqE 'heartbeat: .* out=[0-9]{4}' "$swap_dir/links.console"; do sleep 1; done
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
	RBLK_SWAP_FAULTS=10 swap_guest faults --qemu "$nic" -- "$outside"
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
	swap_guest links --qemu "$nic" -- "$outside" 10.99.0.1:10998
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
with_one_outside() {
	serve 10999 &
	swap_guest single --qemu "$nic" -- "$outside"
	survives "with a server elsewhere it goes on" single
	control "and stops without precautions" naive --qemu "$nic" -- "$outside"
}
with_one_inside() {
	swap_guest tcp --disk "$swap_dir/disk" -- tcp
	survives "with a server of its own it goes on" tcp
	control "and stops without precautions" naive-tcp --disk "$swap_dir/disk" -- tcp
}

truncate -s 3G "$swap_dir/disk"
if [ -z "$swap_long" ]; then
	[ "$RBLK_SWAP_NETWORK" = yes ] || have qemu-nbd ||
		ktap_skip_all "$RBLK_SWAP_NETWORK, and there is no qemu-nbd"
	ktap_plan 2
	if [ "$RBLK_SWAP_NETWORK" = yes ]; then with_one_outside; else with_one_inside; fi
	ktap_finished
fi
ktap_plan 9
if [ "$RBLK_SWAP_NETWORK" = yes ]; then
	with_one_outside
	while_allocations_fail
	while_connections_die
else
	for i in 1 2 3 4 5 6; do ktap_test_skip "a server elsewhere, $i" "$RBLK_SWAP_NETWORK"; done
fi
with_one_inside
swap_guest unix --disk "$swap_dir/disk" -- unix
survives "over a unix socket it goes on" unix
ktap_finished
