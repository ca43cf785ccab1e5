#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 400
#
# scripts/vm passes on what it should, and lets no complaint of the kernel by.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 25
vm=$(dirname "$0")/../../scripts/vm
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT

status_of() {
	"$vm" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	echo $?
}

# meanwhile NAME VM-ARGS...: runs a guest beside the others, one that does nothing for long. Its errors
# are in NAME.err when status_after NAME has printed its status.
meanwhile() {
	local name=$1
	shift
	{
		"$vm" "$@" >/dev/null 2>"$dir/$name.err" </dev/null
		echo $? >"$dir/$name.status"
	} &
}
status_after() {
	wait_for 200 test -s "$dir/$1.status"
	cat "$dir/$1.status"
}
# off NAME COMMAND: makes a program that a guest takes for busybox, which would turn it off.
off() {
	printf '#!/bin/sh\n%s\n' "$2" >"$dir/$1.off"
	chmod +x "$dir/$1.off"
	echo "mount --bind '$dir/$1.off' \"\$(command -v busybox)\""
}
# What the emulator does to a guest, with nothing of its cause.
phantom='Oops: int3: 0000 Code: 0f <1f> 44'
emulated=yes
if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && [ -w /dev/kvm ]; then
	emulated=''
fi

meanwhile hangs --timeout "$(patience 40)" --no-load -- sh -c "$(off hangs 'exec sleep 1000')"
if [ -n "$emulated" ]; then
	RBLK_TRIES=2 meanwhile unlucky --timeout "$(patience 8)" --append "root=/dev/none rootwait x=\"$phantom\"" -- true
	RBLK_BOOT=3 RBLK_TRIES=2 meanwhile endless --qemu -S -- true
fi

# The output of both streams, more than any buffer holds; arguments; a disk; and a status.
truncate -s 3M "$dir/disk"
cat >"$dir/script" <<-'end'
	seq 100000
	seq 5 >&2
	[ "$1" = "a  b" ] && [ "$2" = '$c' ] || exit 1
	! [ -d /sys/module/rblk ] && echo hello >/dev/vda && sync /dev/vda || exit 2
	exit 42
end
# shellcheck disable=SC2016 # for the guest
check_equal "the script's status comes through, its arguments, and a disk" 42 \
	"$(status_of --disk "$dir/disk" --no-load -- sh "$dir/script" 'a  b' '$c')"
check "standard output comes through" cmp -s "$dir/out" <(seq 100000)
# The build may have had its say before.
tail -n 5 "$dir/err" >"$dir/err.end"
check "standard error comes through" cmp -s "$dir/err.end" <(seq 5)
check_equal "the disk is written to" hello "$(head -n 1 "$dir/disk" | tr -d '\0')"

check_equal "a WARN fails the run" 125 "$(status_of -- \
	sh -c 'modprobe lkdtm && echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT')"
check "and is printed" grep -q 'WARNING.*lkdtm' "$dir/err"
check_equal "an oops ends the run" 125 "$(status_of -- \
	sh -c 'modprobe lkdtm && echo EXCEPTION >/sys/kernel/debug/provoke-crash/DIRECT; sleep 100')"

# What the kernel remembers though its message is lost, and the order of things.
check_equal "a kernel that is tainted fails the run" 125 "$(status_of --log "$dir/log" -- \
	sh -c 'echo 512 >/proc/sys/kernel/tainted')"
check "with the flag" grep -q 'complaint: the kernel is tainted (W)' "$dir/err"
check "what hangs when the module is loaded hangs after the start" awk '
	/rblk-vm: start/ { start = NR }
	/rblk: loading out-of-tree/ { load = NR }
	END { exit !(start && load > start) }' "$dir/log"
check "the log says what was looked at" grep -q 'rblk-vm: checked: ' "$dir/log"

check_equal "a guest that restarts instead of ending has failed" 125 "$(status_of --timeout "$(patience 60)" \
	--no-load -- sh -c "$(off restarts 'echo b >/proc/sysrq-trigger; sleep 100')")"
check "which is said" grep -q 'did not turn itself off' "$dir/err"
check_equal "so has one that does not end" 125 "$(status_after hangs)"
check "and that is said" grep -q 'no end after the script' "$dir/hangs.err"

# The drives die while the script runs.
"$vm" --drive cdrw -- sh -c 'echo begun; sleep 6' >"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
wait_for 100 grep -q begun "$dir/out"
pkill -P "$pid" rblk-mmc-drive
wait "$pid"
check_equal "drives that die fail the run" 125 $?
check "and are named" grep -q 'the optical drives died' "$dir/err"

if [ -z "$emulated" ]; then
	for title in "a fault of the emulator has its own status" \
		"at boot it is one of the guest" "which makes for another boot" \
		"so is a boot without an end" "which is tried again, too" \
		"tests that met one are run again" "and count once" "the other time is told"; do
		ktap_test_skip "$title" "no emulation here"
	done
	ktap_finished
fi

check_equal "a fault of the emulator has its own status" 123 "$(status_of -- \
	sh -c "echo '<0>$phantom' >/dev/kmsg; busybox poweroff -f")"
check_equal "at boot it is one of the guest" 125 "$(status_after unlucky)"
check_equal "which makes for another boot" 1 "$(grep -c 'vm: booting again' "$dir/unlucky.err")"
check_equal "so is a boot without an end" 125 "$(status_after endless)"
check_equal "which is tried again, too" 1 "$(grep -c 'vm: booting again' "$dir/endless.err")"

# A test that meets one the first time, behind another.
cat >"$dir/first.sh" <<-'end'
	#!/bin/sh
	echo TAP version 13
	echo 1..1
	echo ok 1 begun
end
cat >"$dir/second.sh" <<-end
	#!/bin/sh
	if ! grep -q met /dev/vda; then
		echo met >/dev/vda && sync
		echo '<0>$phantom' >/dev/kmsg
		busybox poweroff -f
	fi
	echo TAP version 13
	echo 1..1
	echo ok 1 survived
end
chmod +x "$dir"/*.sh
truncate -s 1M "$dir/met"
RBLK_RESULTS=$dir "${vm%vm}test-boot" "x|fast|1024|--disk $dir/met|2|$dir/first.sh $dir/second.sh" \
	>"$dir/out" 2>&1
check_equal "tests that met one are run again" 1 "$(grep -c 'once more' "$dir/out")"
check_equal "and count once" "pass fast $dir/first.sh: begun|pass fast $dir/second.sh: survived|" \
	"$(grep -E '^(pass|fail)' "$dir/x.tally" | tr '\n' '|')"
check_equal "the other time is told" 1 "$(grep -c '^again fast x: ' "$dir/x.tally")"
ktap_finished
