#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 240
#
# The command rblk-nbd, with servers of others: a device outlasts the end of its server, of the command
# itself, and of one of two servers; without the command it does not. What is in use is not disconnected,
# and what cannot be served is refused with one line. The unit for systemd does what its lines say.

# shellcheck disable=SC2119 # functions with arguments that are not always there
# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/nbd/lib/nbd.sh
. "$(dirname "$0")/lib/nbd.sh"
# shellcheck source=tests/lib/recipes.sh
. "$(dirname "$0")/../lib/recipes.sh"

ktap_plan 60
! stock || ktap_skip_all "the command is for rblk's driver"
for program in nbdkit mkswap; do
	have "$program" || ktap_skip_all "no $program"
done
top=$(realpath "$(dirname "$0")/../..")
PATH=$top/target/release:$PATH
nbd_begin

# keep ARGUMENTS...: the command, in the background; its number is $kept, what it says in $tmp/said.
keep() {
	rblk-nbd connect "$@" >"$tmp/said" 2>&1 &
	kept=$!
	servers+=("$kept")
}
connected() {
	keep "$@" && wait_for 30 is_connected 0 && wait_for 10 grep -q 'connected$\|kept now$' "$tmp/said"
}
# says WORDS [FILE]: the command says so; else what it has said is shown.
says() {
	local file=${2:-$tmp/said}
	wait_for 60 grep -q "$1" "$file" || { cat "$file" && return 1; }
}
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }
# alive WANTED: so many connections are alive, of so many, as "1 of 2".
alive() { [ "$(rblk-nbd status nbd0 | awk 'NR == 2 { print $2, $3, $4 }')" = "$1" ]; }
# ends WANTED COMMAND...: what it says, and the exit status that it ends with.
ends() {
	local status=0
	timeout "$(patience 30)" "${@:2}" >"$tmp/ends" 2>&1 || status=$?
	cat "$tmp/ends"
	[ "$status" = "$1" ] && [ "$(wc -l <"$tmp/ends")" -le 1 ]
}
# said WORDS: the last command that was to end said so.
said() { grep -q -- "$1" "$tmp/ends" || { cat "$tmp/ends" && return 1; }; }

# A server of files by their names.
mkdir "$tmp/exports"
truncate -s 64M "$tmp/exports/disk"
files() {
	serve nbdkit -f -p 10809 file dir="$tmp/exports"
	files=$served
	wait_for 30 listens 10809
}
fell() { kill -KILL "$files" && wait "$files" 2>/dev/null; }

# Writes and reads, and compares, until it is told to stop.
head -c 256K /dev/urandom >"$tmp/data"
again_and_again() {
	until [ -e "$tmp/stop" ]; do
		dd if="$tmp/data" of=/dev/nbd0 bs=4k oflag=direct status=none &&
			dd if=/dev/nbd0 bs=4k count=64 iflag=direct status=none | cmp - "$tmp/data" || exit
		echo >>"$tmp/rounds"
	done
}
rounds() { [ "$(wc -l <"$tmp/rounds")" -gt "$1" ]; }
begin_load() {
	rm -f "$tmp/stop" && : >"$tmp/rounds"
	again_and_again 2>"$tmp/load.log" &
	load=$!
	wait_for 20 rounds 0
}
# Some rounds more, and none of them was wrong.
end_load() {
	wait_for 30 rounds $(($(wc -l <"$tmp/rounds") + 1))
	touch "$tmp/stop"
	wait "$load" || { cat "$tmp/load.log" && return 1; }
}

check "a server" files
check "connects to an export by name" connected --dead-timeout 120 -N disk nbd0 localhost
check_equal "with requests of the size that it had" "$(attribute 1 max_request_bytes)" "$(attribute 0 max_request_bytes)"
check_equal "the status says so" "nbd0 True localhost:10809 disk $kept 1" \
	"$(rblk-nbd status --json | python3 -SE -c '
import json, sys
for d in json.load(sys.stdin)["devices"]:
    print(d["name"], d["connected"], d["backend"], d["keeper"], len(d["links"]))')"
state() {
	local task
	awk '/^VmLck:/ { locked = $2 } /^VmSize:/ { size = $2 } END { exit !(locked > 0.9 * size) }' "/proc/$kept/status" &&
		[ "$(cat "/proc/$kept/oom_score_adj")" = -1000 ] || return
	for task in "/proc/$kept/task/"*; do
		chrt -p "${task##*/}" | grep -q SCHED_FIFO &&
			# What prctl(PR_SET_IO_FLUSHER) sets: PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE.
			[ $(($(sed 's/.*) //' "$task/stat" | cut -d ' ' -f 7) & 0x180000)) = $((0x180000)) ] || return
	done
}
check "its memory is locked, and it goes before others, with all its threads" state
check "another one is refused" ends 5 rblk-nbd connect -N disk nbd0 localhost
check "which says who it is" said "process $kept already"

check "there is traffic" begin_load
fell
check "the server ends, and that is seen" says 'is lost'
sleep 2
check "it starts again" files
check "the connection is there again" says 'is there again'
check "and nothing was lost" end_load

kill -KILL "$kept" && wait "$kept" 2>/dev/null
check "the command is killed, and given again" connected --dead-timeout 120 -N disk nbd0 localhost
check "it goes on with the device" grep -q 'was connected, and is kept now' "$tmp/said"
begin_load
fell
files
check "and outlasts another end of the server" says 'is there again'
check "without loss" end_load
check "a device of another server is not taken" test "$(
	kill -KILL "$kept"
	wait "$kept" 2>/dev/null
	rblk-nbd connect -N disk nbd0 127.0.0.1 2>/dev/null
	echo $?
)" = 5
fell
serve nbdkit -r -f -p 10809 file dir="$tmp/exports"
files=$served
wait_for 30 listens 10809
check "nor with a server that takes no writes any more" ends 7 rblk-nbd connect -N disk nbd0 localhost
check "which is said" said 'cannot be written any more'
fell
files
check "it is disconnected" rblk-nbd disconnect nbd0
check "and is free" becomes_unused 0

# What the others are compared with.
connected --dead-timeout 1 -N disk nbd0 localhost
kill -KILL "$kept" && wait "$kept" 2>/dev/null
fell
check_fails "without the command, the device is dead when its server has ended" \
	dd if=/dev/nbd0 of=/dev/null bs=4k count=1 iflag=direct
files
check_fails "and stays so" dd if=/dev/nbd0 of=/dev/null bs=4k count=1 iflag=direct
rblk-nbd disconnect nbd0
becomes_unused 0

# Somebody else disconnects the device and connects it, while the command does not look.
ours --size 16M
connected -N disk nbd0 localhost
kill -STOP "$kept"
others() { "$genl" disconnect 0 && becomes_unused 0 && "$genl" connect 0 tcp:127.0.0.1:10999 identifier=others; }
others_work() { [ "$(attribute 0 backend)" = others ] && dd if=/dev/nbd0 of=/dev/null bs=4k count=1 iflag=direct status=none; }
check "the device is connected by somebody else" others
kill -CONT "$kept"
check "the command does not take it for its own" says 'was disconnected'
check "and leaves it alone" others_work
"$genl" disconnect 0
becomes_unused 0

# Signals.
check "over IPv6" connected -N disk nbd0 '[::1]'
kill -TERM "$kept"
check "SIGTERM ends it" wait_for 20 gone "$kept"
check "the device stays" dd if=/dev/nbd0 of=/dev/null bs=4k count=1 iflag=direct status=none
rblk-nbd disconnect nbd0
connected --disconnect -N disk nbd0 localhost
kill -TERM "$kept"
check "SIGTERM disconnects if it was told to" wait_for 20 unused 0
connected -N disk nbd0 localhost
mkfs.ext4 -q /dev/nbd0 && mount /dev/nbd0 /mnt
check "what is mounted is not disconnected" ends 5 rblk-nbd disconnect nbd0
check "and it is told where that is" said 'mounted on /mnt'
umount /mnt
check "then it is" rblk-nbd disconnect nbd0
check "which ends the command, too" wait "$kept"

# Swap space, by the unit.
mkdir -p "$tmp/installed/sbin"
ln -s "$top/target/release/rblk-nbd" "$tmp/installed/sbin/"
"$top/tools/system/install.sh" "$tmp/installed" "" "$tmp/installed/etc"
export RBLK_UNITS=$tmp/installed/lib/systemd/system
systemctl() { "$nbd_lib/systemctl" "$@"; }
printf 'server = localhost\nexport = disk\nswap\n' >"$tmp/installed/etc/rblk-nbd.d/nbd0.conf"
swaps() { grep -q '^/dev/nbd0 ' /proc/swaps; }
check "the unit connects" systemctl start rblk-nbd@nbd0
check_equal "with requests of a page" 4 "$(attribute 0 queue/max_hw_sectors_kb)"
check_fails "what is no swap area is not used" swaps
mkswap /dev/nbd0 >/dev/null
check "the unit ends" systemctl stop rblk-nbd@nbd0
check "and has disconnected the device" becomes_unused 0
check "the next time it swaps" systemctl start rblk-nbd@nbd0
check "to the area" swaps
check "which is not disconnected" ends 5 rblk-nbd disconnect nbd0
kept=$(cat /run/rblk-units/rblk-nbd@nbd0.pid)
kill -TERM "$kept"
check "SIGTERM does not end it" says 'is kept until swapoff' /run/rblk-units/rblk-nbd@nbd0.log
fell
files
check "it replaces connections still" says 'is there again' /run/rblk-units/rblk-nbd@nbd0.log
swapoff /dev/nbd0
check "swapoff does" wait_for 20 gone "$kept"
rblk-nbd disconnect nbd0
becomes_unused 0
systemctl start rblk-nbd@nbd0
check "at its end the unit takes the area out of use" systemctl stop rblk-nbd@nbd0
check_fails "and it is" swaps

# What cannot be served.
check "an export that is not there" ends 7 rblk-nbd connect -N other nbd0 localhost
fell
check "a server that is not there" ends 8 rblk-nbd connect -N disk nbd0 '[::1]:10809'
echo 'rblk:00112233445566778899aabbccddeeff' >"$tmp/psk"
kit 10810 --tls=require --tls-psk="$tmp/psk" memory 64M
check "a server that wants TLS" ends 7 rblk-nbd connect nbd0 localhost:10810
check "which is told" said 'wants TLS, which the driver cannot do'

# Several connections, over a unix socket; and an export that comes back smaller.
memory() {
	rm -f "$tmp/socket"
	kit "$tmp/socket" memory "$1"
}
memory 64M
first=$served
check "two connections over a unix socket" connected --dead-timeout 120 -C 2 nbd0 "unix:$tmp/socket"
kill -KILL "$first" && wait "$first" 2>/dev/null
memory 32M
smaller() { wait_for 30 grep -q 'has another size, and is not used' "$tmp/said" && wait_for 10 alive '0 of 2'; }
check "an export that has become smaller is not used" smaller
kill -KILL "$served" && wait "$served" 2>/dev/null
memory 64M
check "but that of the right size, by both" wait_for 90 alive '2 of 2'
rblk-nbd disconnect nbd0
check "it ends" wait "$kept"
becomes_unused 0

# What the guide has, word for word. Its server is one of this guest.
# follow NAME: the recipe of this name, which comes in; what it prints has the lines that are shown.
follow() {
	cat >"$tmp/recipe"
	PATH=$tmp/bin:$PATH bash -e -o pipefail "$tmp/recipe" >"$tmp/printed" 2>"$tmp/err" &&
		recipe_shows "$1" "$tmp/printed" && return
	cat "$tmp/printed" "$tmp/err"
	return 1
}
mkdir "$tmp/bin" "$tmp/etc" "$tmp/work"
ln -s "$top/tests/nbd/lib/systemctl" "$tmp/bin/"
mount -t overlay -o "lowerdir=/etc,upperdir=$tmp/etc,workdir=$tmp/work" etc /etc
"$top/tools/system/install.sh" "$tmp/installed"
ip addr add 192.0.2.1/32 dev lo
guides() {
	serve nbdkit -f -i 192.0.2.1 file "$tmp/exports/disk"
	files=$served
	wait_for 30 listens 10809
}
# Without the swap area that it has by now.
truncate -s 0 "$tmp/exports/disk" && truncate -s 64M "$tmp/exports/disk"
guides
: >/run/rblk-units/rblk-nbd@nbd0.log
check "as in the guide" follow nbd-swap < <(recipe_commands nbd-swap)
check "it swaps" swaps
fell
guides
check "and outlasts the end of its server" says 'is there again' /run/rblk-units/rblk-nbd@nbd0.log
check "until it is undone as in the guide" follow nbd-swap-end < <(recipe_commands nbd-swap-end)
check_fails "which it is" swaps
umount /etc
ktap_finished
