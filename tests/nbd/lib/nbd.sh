# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of nbd: the driver, servers, devices. Sourced after tests/lib/ktap.sh.

nbd_lib=$(dirname "${BASH_SOURCE[0]}")
genl=$nbd_lib/genl.py
server=$nbd_lib/../../../target/release/rblk-nbd-server
tmp=$(mktemp -d "${RBLK_SCRATCH:-/tmp}/nbd.XXXXXX")
servers=()

stock() { [ "${RBLK_NBD_DRIVER:-ours}" = stock ]; }

# A mark in the kernel's log, and what came after it, if it is still there.
marks=0
mark() {
	marks=$((marks + 1))
	echo "<6>nbd.sh: mark $$ $marks" >/dev/kmsg
}
since() {
	dmesg | awk -v mark="nbd.sh: mark $$ $marks" '
		found { print }
		substr($0, length($0) - length(mark) + 1) == mark { found = 1 }
		END { exit !found }'
}

nbd_end() {
	local i pid
	for i in /sys/block/nbd*/pid; do
		[ ! -e "$i" ] || { i=${i%/pid} && "$genl" disconnect "${i##*/nbd}"; } 2>/dev/null
	done
	for pid in ${servers[@]+"${servers[@]}"}; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	"$nbd_lib/driver.sh" unload
	# shellcheck disable=SC2154 # set by ktap.sh
	rm -rf "$tmp" "$ktap_output"
}

# Loads the driver, with $nbd_parameter of rblk.ko if it is set; undoes all at the end. Without a
# driver the test has failed, after ktap_plan.
nbd_begin() {
	trap nbd_end EXIT
	"$nbd_lib/driver.sh" load ${nbd_parameter:+"$nbd_parameter"} || {
		ktap_test_fail "the driver comes up"
		exit 1
	}
}

# serve COMMAND...: a server in the background; its number is $served.
serve() {
	"$@" >"$tmp/server.log" 2>&1 &
	served=$!
	servers+=("$served")
}

# Something listens on this port of 127.0.0.1.
listens() { ss -Htln "sport = :$1" | grep -q .; }

# kit SOCKET|PORT ARGUMENTS...: nbdkit, when it is ready.
kit() {
	local where=(-U "$1") ready=(accepts "$1")
	if [[ $1 != /* ]]; then
		where=(-i 127.0.0.1 -p "$1")
		ready=(listens "$1")
	fi
	shift
	serve nbdkit -f "${where[@]}" "$@"
	wait_for 20 "${ready[@]}"
}

# ours ARGUMENTS...: our own server at $tmp/ours, when it is ready; tell it with `tell`.
ours() {
	rm -f "$tmp/control"
	serve "$server" serve --listen "unix:$tmp/ours" --listen tcp:127.0.0.1:10999 \
		--listen 'tcp:[::1]:10999' --control "$tmp/control" "$@"
	our_server=$served
	wait_for 20 accepts "$tmp/control"
}
tell() { "$server" control "$tmp/control" "$@"; }
# quit: it ends, if there is one; its ports are free then.
quit() {
	[ -n "${our_server:-}" ] || return 0
	tell quit
	wait "$our_server"
	our_server=''
}
stat_of() { tell stats | awk -v name="$1" '$1 == name { print $2 }'; }

# attribute N NAME: of the disk, from sysfs.
attribute() { cat "/sys/block/nbd$1/$2"; }

# sectors N: the disk has some.
sectors() {
	local n=0
	[ ! -e "/sys/block/nbd$1/size" ] || read -r n <"/sys/block/nbd$1/size"
	[ "$n" != 0 ]
}

# As if it had never been connected.
unused() {
	[ ! -e "/sys/block/nbd$1/pid" ] && [ ! -e "/sys/block/nbd$1/backend" ] && ! sectors "$1" &&
		[ ! -e "/sys/kernel/debug/nbd/nbd$1/tasks" ]
}
becomes_unused() { wait_for "${2:-10}" unused "$1"; }
is_connected() { [ -e "/sys/block/nbd$1/pid" ] && sectors "$1"; }

# client ARGUMENTS...: nbd-client, whose chatter is only of interest if it fails.
client() {
	local log
	log=$(nbd-client "$@" 2>&1)
	local status=$?
	[ "$status" -eq 0 ] || echo "$log"
	return "$status"
}
