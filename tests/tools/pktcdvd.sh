#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 480
#
# The command pktcdvd does what it says with the driver itself: it adds, lists, shows, watches and
# removes, and when it cannot, it says why and leaves nothing behind.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/../pktcdvd/lib/pkt.sh"

ktap_plan 69
# Where others may run it, too.
command=$RBLK_SCRATCH/pktcdvd
install -m 755 "$(dirname "$0")/../../target/release/pktcdvd" "$command"
chmod 755 "$RBLK_SCRATCH"

# expect TITLE STATUS TEXT ARGS...: the command ends with STATUS; its output has TEXT, and if it
# fails, that is one line of errors.
expect() {
	local title=$1 wanted=$2 text=$3 status
	shift 3
	"${as[@]}" "$command" "$@" >"$RBLK_SCRATCH/out" 2>"$RBLK_SCRATCH/err"
	status=$?
	local file=$RBLK_SCRATCH/out
	[ "$wanted" = 0 ] || file=$RBLK_SCRATCH/err
	if [ "$status" = "$wanted" ] && grep -qF -- "$text" "$file" &&
		{ [ "$wanted" = 0 ] || [ "$(wc -l <"$file")" = 1 ]; }; then
		ktap_test_pass "$title"
	else
		ktap_test_fail "$title"
		ktap_msg "  status $status, wanted $wanted and \"$text\""
		sed 's/^/#   /' "$RBLK_SCRATCH/out" "$RBLK_SCRATCH/err"
	fi
}
as=()
other=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all)

# json EXPRESSION ARGS...: evaluates a Python expression over what the command prints as JSON.
json() {
	local expression=$1
	shift
	"${as[@]}" "$command" "$@" --json | python3 -SE -c '
import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$expression"
}

# Without the driver.
clean_up
rmmod rblk
expect "no driver: list" 3 'modprobe pktcdvd' -l
expect "no driver: add" 3 'modprobe pktcdvd' -a disc 1:0
expect "no driver: watch" 3 'modprobe pktcdvd' watch --once
modprobe rblk
clean_up

ram=$(new_ram size=4M)
lower=$(number "$ram")
major=$(awk '$2 == "pktcdvd" { print $1 }' /proc/devices)
check_equal "nothing is listed" "0" "$("$command" -l | wc -c)"
check "and that is no failure" "$command" list
check_equal "nor in JSON" "[]" "$(json 'd["devices"]' list)"

# Adding.
expect "add" 0 /dev/pktcdvd/disc -a disc "$ram"
check_equal "which maps" "pktcdvd0 $major:0 $lower" "$(cat $PKT/device_map)"
check_equal "and gives the name" "pktcdvd0 $major:0" \
	"$(readlink /dev/pktcdvd/disc) $(number /dev/pktcdvd/disc)"
expect "list" 0 "pktcdvd0  $major:0     ${ram#/dev/} ($lower)  disc" -l
check_equal "list in JSON" "1 pktcdvd0 $major:0 ['disc'] ${ram#/dev/} $lower" \
	"$(json '" ".join(str(x) for e in d["devices"] for x in (d["version"], e["name"], e["number"],
		e["nodes"], e["lower"]["name"], e["lower"]["number"]))' list)"
truncate -s 8M "$RBLK_SCRATCH/image"
loop=$(losetup -f --show "$RBLK_SCRATCH/image")
expect "add by number, with options, without a name" 0 /dev/pktcdvd/pktcdvd1 \
	add --packet-size 128K --packet-buffers 4 --offset 64K "$(number "$loop")"
check_equal "which the driver got" "131072 4 $((8 << 11))" \
	"$(cat /sys/block/pktcdvd1/queue/minimum_io_size) $(attribute pktcdvd1 packet_buffers) \
$(($(blockdev --getsz /dev/pktcdvd/pktcdvd1) + 128))"

# What cannot be added.
expect "add what is mapped" 5 "mapped already, as pktcdvd0 ($major:0)" -a other "$ram"
expect "add a packet device" 5 'is a packet device itself' -a other /dev/pktcdvd/disc
expect "add under a name that is taken" 8 "it is pktcdvd0 ($major:0)" -a disc "$loop"
expect "add under the name of the control device" 2 'control device' -a control "$loop"
expect "add with a name that is a path" 2 'must not have a' -a ../x "$loop"
expect "add nothing" 4 'no block device 4095:3' -a other 4095:3
expect "add no device" 2 'no block device' -a other /dev/null
fresh=$(new_ram size=4M)
expect "add what holds no packet" 1 'does not suit' add other "$fresh" --offset 4M
mkfs.ext4 -q "$fresh" && mount -t ext4 "$fresh" /mnt
expect "add what is mounted" 5 "$fresh is mounted on /mnt" add other "$fresh"
umount /mnt
check "nothing of all that is left" test ! -e /dev/pktcdvd/other
check_equal "in the driver, either" 2 "$(wc -l <$PKT/device_map)"

# If there can be no node, there is no mapping.
mount -t tmpfs -o ro none /dev/pktcdvd
expect "add where no node can be made" 1 'cannot make /dev/pktcdvd/other' add other "$fresh"
umount /dev/pktcdvd
check_equal "undoes the mapping" 2 "$(wc -l <$PKT/device_map)"
mknod /dev/pktcdvd/other b "$major" 99
expect "a node that leads nowhere, as pktsetup leaves it, is replaced" 0 /dev/pktcdvd/other add other "$fresh"
check_equal "by the right one" "$major:2" "$(number /dev/pktcdvd/other)"

# Looking.
dd if=/dev/urandom of=/dev/pktcdvd/disc bs=64K count=4 oflag=direct status=none
dd if=/dev/urandom of=/dev/pktcdvd/disc bs=2K count=1 seek=1000 oflag=direct status=none
expect "status" 0 'written         258 KiB; in packets 1.24 times as much' -s disc
check "tells of one device" test "$(grep -c '^pktcdvd' "$RBLK_SCRATCH/out")" = 1
check "of packets" grep -qF '5 of 5 finished, 4 full (80 %), 0 failed' "$RBLK_SCRATCH/out"
check "of buffers" grep -qF '8 idle, 0 waiting' "$RBLK_SCRATCH/out"
check "of the queue" grep -qF 'held back at 10000, until 9000' "$RBLK_SCRATCH/out"
expect "status of all" 0 "pktcdvd1 ($major:1) on ${loop#/dev/}" status
check_equal "each of them" 3 "$(grep -c '^pktcdvd' "$RBLK_SCRATCH/out")"
check_equal "counters in JSON" \
	"$(for f in "$PKT"/pktcdvd0/stat/*; do
		[ "${f##*/}" = reset ] || echo "${f##*/}=$(cat "$f")"
	done | paste -sd ' ')" \
	"$(json '" ".join(f"{k}={v}" for k, v in sorted(d["devices"][0]["counters"].items()))' -s disc)"
check_equal "sizes, marks and states in JSON" "$((4 << 20)) 65536 10000 9000 8 0" \
	"$(json '" ".join(str(x) for e in d["devices"] for x in (e["size_bytes"], e["packet_bytes"],
		e["queue"]["congestion_on"], e["queue"]["congestion_off"], e["states"]["idle"],
		e["states"]["writing"]))' status "$lower")"
check_equal "what debugfs tells is for people, not in JSON" False \
	"$(json '"info" in d["devices"][0]' -s disc)"
check_equal "errors in JSON" "1 4" "$(json '"%d %d" % (d["version"], d["error"]["status"])' \
	-s nothing 2>/dev/null)"
check "a directory in place of / is for tests of the command alone" \
	env PKTCDVD_ROOT=/nowhere "$command" -s disc

# Settings.
check "set" "$command" set disc packet_wait_us=7000 congestion_off=800 congestion_on=900 reset=1
check_equal "which the driver has" "7000 900 800 0" "$(for f in packet_wait_us \
	write_queue/congestion_{on,off} stat/packets_started; do
	attribute pktcdvd0 "$f"
done | paste -sd ' ')"
check "what is too large is not set" grep -q 'want 0 to 10000000' \
	<("$command" set disc packet_wait_us=99999999999 2>&1)
check "nor what there is not" grep -q 'there are packet_wait_us, ' <("$command" set disc speed=4 2>&1)
"$command" set disc congestion_on=10000 congestion_off=9000
expect "status of what is not mapped" 4 'is not mapped' -s "$(number "$loop" | sed s/:.*/:999/)"

# Watching.
while :; do
	dd if=/dev/zero of=/dev/pktcdvd/disc bs=64K count=16 oflag=direct status=none
done &
writer=$!
expect "one frame" 0 "pktcdvd0 ($major:0) on ${ram#/dev/} ($lower)" watch --once -i 2 disc
kill $writer
wait $writer 2>/dev/null
cp "$RBLK_SCRATCH/out" "$RBLK_SCRATCH/frame"
check "shows how fast it goes" grep -qE 'written +[0-9.]+ [KM]iB/s, ' "$RBLK_SCRATCH/frame"
check "and all rows" test "$(grep -cE '│(buffers|queue|written|gathered|read|packets|events) ' \
	"$RBLK_SCRATCH/frame")" = 7
check "without a terminal" test "$(grep -c $'\e' "$RBLK_SCRATCH/frame")" = 0
# live ROWS COLUMNS: on a terminal, with keys.
live() {
	"${as[@]}" python3 -SE - "$command" "$@" <<-'END'
		import os, pty, sys, time
		pid, fd = pty.fork()
		if pid == 0:
		    os.execve(sys.argv[1], ["pktcdvd", "watch", "-i", "0.2"],
		              {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"})
		import fcntl, struct, termios
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", *map(int, sys.argv[2:]), 0, 0))
		seen = b""
		def until(word):
		    global seen
		    end = time.monotonic() + 60
		    while word not in seen:
		        assert time.monotonic() < end, seen
		        seen += os.read(fd, 65536)
		until(b"pktcdvd0")
		os.write(fd, b"jj")
		until(b"pktcdvd2")
		os.write(fd, b"kp")
		until(b"paused")
		os.write(fd, b"q")
		until(b"\x1b[?1049l")
		_, status = os.waitpid(pid, 0)
		sys.exit(os.waitstatus_to_exitcode(status))
	END
}
check "on a terminal, until q" live 40 100
check "on one that does not know its size" live 0 0

# Others may look, not touch.
as=("${other[@]}")
expect "others may list" 0 "disc" -l
expect "others may ask" 0 "pktcdvd0 ($major:0)" -s disc
check_equal "but not for states" None "$(json 'd["devices"][0]["states"]' -s pktcdvd0)"
expect "others may watch" 0 'for root alone' watch --once -i 0.1
expect "others must not add" 6 'permission denied' add third "$fresh"
expect "others must not remove" 6 'permission denied' -r disc
expect "others must not set" 6 'permission denied' set disc packet_wait_us=1
as=()
check_equal "and did not" 3 "$(wc -l <$PKT/device_map)"

# Removing.
exec 3</dev/pktcdvd/disc
expect "remove while open, and who has it" 5 \
	"pktcdvd0 ($major:0) is open in $(cat /proc/$$/comm) ($$)" -r -w 0.2 disc
exec 3<&-
mkudffs -q /dev/pktcdvd/disc >/dev/null 2>&1 || mkfs.ext4 -q -b 2048 /dev/pktcdvd/disc
mount /dev/pktcdvd/disc /mnt
expect "remove what is mounted, and where" 5 'is mounted on /mnt' -r -w 3600 disc
umount /mnt
check "leaves the name" test -b /dev/pktcdvd/disc
# Whoever only looks is waited for.
sleep 1 3</dev/pktcdvd/disc &
check "remove by name" "$command" -r -w "$(patience 60)" disc
check "takes the name along" test ! -L /dev/pktcdvd/disc
check "remove by number, and by path of the device below, whatever comes between" \
	test "$("$command" remove "$major:1" nothing "$fresh" "$major:55" >/dev/null 2>"$RBLK_SCRATCH/err"; echo $?)" = 4
check_equal "each failure is said" "2 of 4 failed" "$(tail -n 1 "$RBLK_SCRATCH/err" | cut -d ' ' -f 2-)"
check_equal "nothing is mapped" "" "$(cat $PKT/device_map)"
check_equal "and no node left" control "$(ls /dev/pktcdvd)"
expect "remove again" 4 'no packet device disc' -r disc
clean_up
ktap_finished
