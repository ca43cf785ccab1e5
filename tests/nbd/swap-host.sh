#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 1500
#
# A machine that swaps to a server elsewhere goes on, with more and more memory in use until it is
# twice what it has; also while allocations fail, and while one of two connections is lost and made
# again by a program of that machine. The same without what makes the driver safe (NBD_NAIVE) stops: so this would be noticed.

# shellcheck source=tests/nbd/lib/swap.sh
. "$(dirname "$0")/lib/swap.sh"
[ "$(id -u)" = 0 ] || ktap_skip_all "a network of its own needs root"
[ -c /dev/net/tun ] || ktap_skip_all "there is no /dev/net/tun"
have nbdkit || ktap_skip_all "there is no nbdkit"
if [ -z "${RBLK_SWAP_NETWORK:-}" ]; then
	unshare --net true 2>/dev/null || ktap_skip_all "no network of its own is allowed"
	swap_build || ktap_skip_all "it does not build"
	rm -rf "$swap_dir"
	# The network and all that runs in it end with this, whatever happens.
	RBLK_SWAP_NETWORK=1 exec unshare --net --pid --fork --mount-proc --kill-child "$0"
fi

ip link set lo up
ip tuntap add mode tap name rblk0
ip addr add 10.99.0.1/24 dev rblk0
ip link set rblk0 up
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

ktap_plan 6
truncate -s 3G "$swap_dir/disk"
serve 10999 &
swap_guest single --qemu "$nic" -- 10.99.0.1:10999
survives "it goes on" single

RBLK_SWAP_FAULTS=10 swap_guest faults --qemu "$nic" -- 10.99.0.1:10999
survives "it goes on while one of a hundred allocations fails" faults
if [ "${RBLK_SWAP_ONLY:-faults}" = faults ]; then
	# shellcheck disable=SC2046 # two numbers
	check "which were many" awk 'BEGIN { exit !(ARGV[1] > 100 && ARGV[2] > 100) }' \
		$(sed -n 's/^# faults: \([0-9]*\) objects, \([0-9]*\) pages.*/\1 \2/p' "$swap_dir/faults.out")
else
	ktap_test_skip "which were many" "RBLK_SWAP_ONLY"
fi

touch "$swap_dir"/{cuts,links.console,links.out}
cut 10998 &
swap_guest links --qemu "$nic" -- 10.99.0.1:10999 10.99.0.1:10998
cuts=$(wc -l <"$swap_dir/cuts")
again=$(grep -c 'reconnect: .* again' "$swap_dir/links.out")
echo "# connection lost $cuts times, replaced $again times"
survives "it goes on with one of two connections lost now and then" links
if [ "${RBLK_SWAP_ONLY:-links}" = links ]; then
	check "which is replaced" test "$again" -ge 1
else
	ktap_test_skip "which is replaced" "RBLK_SWAP_ONLY"
fi

control "without precautions it stops" --qemu "$nic" -- 10.99.0.1:10999
ktap_finished
