#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --append preempt=full
# rblk-timeout: 120
#
# nbd-client and qemu-nbd, as they are, connect and disconnect in all the ways they know: over
# netlink and ioctls, TCP and unix sockets, with the servers that people use.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/nbd/lib/nbd.sh
. "$(dirname "$0")/lib/nbd.sh"

ktap_plan 77
nbd_begin
have nbd-client || ktap_skip_all 'no nbd-client'
size=$((16 << 20))

head -c "$size" /dev/urandom >"$tmp/export"
# config WHERE: of nbd-server.
config() {
	printf '[generic]\n%b\nallowlist = true\n' "$1"
	printf '[export]\nexportname = %s\nflush = true\nfua = true\ntrim = true\n' "$tmp/export"
}
# nbd_daemon NAME: with that configuration.
nbd_daemon() {
	nbd-server -C "$tmp/$1.config" -p "$tmp/$1.pid"
	wait_for 10 test -s "$tmp/$1.pid"
	read -r served <"$tmp/$1.pid"
	servers+=("$served")
}
config "unixsock = $tmp/server" >"$tmp/unix.config"
nbd_daemon unix
config 'listenaddr = 127.0.0.1\nport = 10809' >"$tmp/tcp.config"
nbd_daemon tcp
nbd_server=$served
kit "$tmp/kit" memory 16M
kit 10810 memory 16M
ours
wait_for 10 listens 10809

# connected_to N: the attributes are those of a device with 16 MiB.
looks_connected() {
	is_connected "$1" && [ "$(cat "/sys/block/nbd$1/size")" = $((size / 512)) ] &&
		[ "$(cat "/sys/block/nbd$1/ro")" = "${2:-0}" ] &&
		grep -q recv "/sys/kernel/debug/nbd/nbd$1/tasks"
}

# connects ARGUMENTS...: nbd-client; $pid is the process that has connected. Over netlink that has
# ended since; in ioctl mode it is the child that goes on, which has nobody else's child. One of its
# own opens the device when it is connected; one from before may still be about to end.
connects() {
	nbd-client "$@" >"$tmp/client.log" 2>&1 &
	pid=$!
	wait "$pid" || { cat "$tmp/client.log"; return 1; }
	[[ " $* " != *' -nonetlink '* ]] || pid=$(pgrep -n -x -P 1 nbd-client)
}

can_write_and_read() {
	yes "$RANDOM" | head -c 65536 >"$tmp/text"
	dd if="$tmp/text" of=/dev/nbd0 bs=4096 oflag=direct status=none &&
		dd if=/dev/nbd0 of="$tmp/back" bs=4096 count=16 iflag=direct status=none &&
		cmp "$tmp/text" "$tmp/back"
}

# round TITLE CLIENT-ARGUMENTS...: connect, ask, write, read, disconnect.
round() {
	local title=$1
	shift
	check "$title: connects" connects "$@"
	# The child may still be about to.
	wait_for 10 is_connected 0
	check "$title: looks connected" looks_connected 0
	check_equal "$title: -c prints the pid of who connected" "$pid" "$(nbd-client -c /dev/nbd0)"
	check "$title: writes and reads" can_write_and_read
	if [[ " $* " == *' -nonetlink '* ]]; then
		check "$title: disconnects" client -d /dev/nbd0 -nonetlink
	else
		check "$title: disconnects" client -d /dev/nbd0
	fi
	check "$title: nothing is left" becomes_unused 0
}

round "nbd-server, netlink" -N export 127.0.0.1 10809 /dev/nbd0
round "nbdkit, unix socket, ioctl" -unix "$tmp/kit" /dev/nbd0 -nonetlink
round "nbdkit, four connections" -connections 4 -unix "$tmp/kit" /dev/nbd0
round "nbd-server, ioctl" -N export 127.0.0.1 10809 /dev/nbd0 -nonetlink
round "nbd-server, unix socket" -N export -unix "$tmp/server" /dev/nbd0
round "nbdkit, TCP, swap" 127.0.0.1 10810 /dev/nbd0 -swap -nonetlink

check_equal "-c of a device that is not connected" 1 "$(nbd-client -c /dev/nbd0 >/dev/null; echo $?)"
check "-d of a device that is not connected" client -d /dev/nbd0
check_fails "a device that cannot be" client -unix "$tmp/kit" /dev/nbd70000

for block in 512 1024 4096; do
	client -block-size $block -unix "$tmp/kit" /dev/nbd0
	check_equal "blocks of $block bytes" "$block $block $((size / 512))" "$(attribute 0 \
		queue/logical_block_size) $(attribute 0 queue/physical_block_size) $(attribute 0 size)"
	client -d /dev/nbd0
	becomes_unused 0
done

for mode in '' -nonetlink; do
	# shellcheck disable=SC2086 # nothing or one word
	{
		client -readonly -unix "$tmp/kit" /dev/nbd0 $mode
		wait_for 10 is_connected 0
		check_equal "read-only $mode" 1 "$(attribute 0 ro)"
		check_fails "and does not take a write" can_write_and_read
		client -d /dev/nbd0 $mode
		becomes_unused 0
		client -unix "$tmp/kit" /dev/nbd0 $mode
		wait_for 10 is_connected 0
		check "and it does after that" can_write_and_read
		client -d /dev/nbd0 $mode
		becomes_unused 0
	}
done

client -unix "$tmp/kit" /dev/nbd0
client -unix "$tmp/kit" /dev/nbd1
check "two devices at once" is_connected 1
check_fails "two clients on one device" client -unix "$tmp/kit" /dev/nbd0
check_fails "the second one with ioctls" nbd-client -nofork -unix "$tmp/kit" /dev/nbd0 -nonetlink
check "the first one does not mind" can_write_and_read
client -d /dev/nbd0
client -d /dev/nbd1
becomes_unused 0
becomes_unused 1

quit
ours --flags flush --size 16M
check_fails "four connections to a server that does not allow it" \
	client -connections 4 -unix "$tmp/ours" /dev/nbd0
check "leave nothing" becomes_unused 0

# What the kernel says, when it says it.
"$nbd_lib/uevents.py" nbd0 nbd-client -unix "$tmp/kit" /dev/nbd0 >"$tmp/events" 2>/dev/null
check_equal "the change is reported when size and pid are there" "32768 pid" \
	"$(head -n 1 "$tmp/events")"
"$nbd_lib/uevents.py" nbd0 nbd-client -d /dev/nbd0 >"$tmp/events" 2>/dev/null
check "the end is reported" grep -q '^0 ' "$tmp/events"
if stock; then
	ktap_test_skip "when pid is gone" "7.2 reports it before"
else
	check_fails "when pid is gone" grep -q pid "$tmp/events"
fi

again() {
	local i
	for i in 1 2 3 4 5; do
		client "$@" && wait_for 10 is_connected 0 && client -d /dev/nbd0 ${mode:+"$mode"} &&
			becomes_unused 0 || return
	done
}
mode=''
check "again and again, netlink" again -unix "$tmp/kit" /dev/nbd0
mode=-nonetlink
check "again and again, ioctl" again -unix "$tmp/kit" /dev/nbd0 -nonetlink

# A server that is stopped. Without its timeout the read would wait until it goes on.
fails_in_time() {
	timeout "$(patience 20)" dd if=/dev/nbd0 of=/dev/null bs=4096 count=1 iflag=direct
	[ $? = 1 ]
}
for mode in '' -nonetlink; do
	# shellcheck disable=SC2086 # nothing or one word
	client -timeout 1 -N export 127.0.0.1 10809 /dev/nbd0 $mode
	wait_for 10 is_connected 0
	kill -STOP "$nbd_server"
	for pid in $(pgrep -P "$nbd_server"); do kill -STOP "$pid"; done
	check "-timeout${mode:+ }$mode with a server that is stopped" fails_in_time
	kill -CONT "$nbd_server"
	for pid in $(pgrep -P "$nbd_server"); do kill -CONT "$pid"; done
	# shellcheck disable=SC2086 # nothing or one word
	client -d /dev/nbd0 $mode
	check "and it ends" becomes_unused 0
done

# A server that cuts the connection, but goes on: if it went, nbd-client could meet one that is about
# to, and would give up.
quit
ours --size 16M
came() { [ "$(stat_of connections)" = "$1" ] && is_connected 0; }
client -persist 127.0.0.1 10999 /dev/nbd0 -nonetlink
wait_for 10 came 1
tell drop >"$tmp/dropped"
if stock; then
	ktap_test_skip "-persist reconnects" "7.2 says that all is well"
else
	wait_for 20 came 2
	check "-persist reconnects" can_write_and_read
fi
client -d /dev/nbd0 -nonetlink
check "and it ends" becomes_unused 0

# qemu-nbd with an image.
head -c "$size" /dev/urandom >"$tmp/raw"
cp "$tmp/raw" "$tmp/raw2"
qemu-img convert -O qcow2 "$tmp/raw" "$tmp/qcow2"
for format in raw qcow2; do
	serve qemu-nbd -f "$format" -c /dev/nbd0 "$tmp/$format"
	check "qemu-nbd -c, $format" wait_for 20 is_connected 0
	check "the contents" cmp -n "$size" "$tmp/raw2" /dev/nbd0
	check "writes and reads" can_write_and_read
	cp "$tmp/text" "$tmp/text.$format"
	check "qemu-nbd -d" qemu-nbd -d /dev/nbd0
	check "and it ends" becomes_unused 0
	wait "$served" 2>/dev/null
	check "what was written is in the image" sh -c "qemu-img convert -O raw -f $format \
		'$tmp/$format' '$tmp/out' && cmp -n 65536 '$tmp/text.$format' '$tmp/out'"
done
ktap_finished
