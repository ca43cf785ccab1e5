#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 400
#
# scripts/vm passes on what it should, and lets no complaint of the kernel by.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 15
vm=$(dirname "$0")/../../scripts/vm
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT

status_of() {
	"$vm" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	echo $?
}

# The output of both streams, more than any buffer holds, and a status.
check_equal "the script's status comes through" 42 \
	"$(status_of -- sh -c 'seq 100000; seq 5 >&2; exit 42')"
check "standard output comes through" cmp -s "$dir/out" <(seq 100000)
# The build may have had its say before.
tail -n 5 "$dir/err" >"$dir/err.end"
check "standard error comes through" cmp -s "$dir/err.end" <(seq 5)

# shellcheck disable=SC2016 # for the guest
quoted=$(status_of -- sh -c 'test "$1" = "a  b" && test "$2" = "\$c"' sh 'a  b' '$c')
check_equal "arguments are not split" 0 "$quoted"

truncate -s 3M "$dir/disk"
check_equal "a disk is there, and can be written" 0 "$(status_of --disk "$dir/disk" --no-load -- \
	sh -c '! test -d /sys/module/rblk && echo hello >/dev/vda && sync /dev/vda')"

check_equal "a WARN fails the run" 125 "$(status_of -- \
	sh -c 'modprobe lkdtm && echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT')"
check "and is printed" grep -q 'WARNING.*lkdtm' "$dir/err"
check_equal "an oops ends the run" 125 "$(status_of -- \
	sh -c 'modprobe lkdtm && echo EXCEPTION >/sys/kernel/debug/provoke-crash/DIRECT; sleep 100')"

if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && [ -w /dev/kvm ]; then
	for title in "a fault of the emulator has its own status" \
		"at boot it is one of the guest" "which makes for another boot" \
		"so is a boot without an end" "which is tried again, too" \
		"tests that met one are run again" "and count once"; do
		ktap_test_skip "$title" "no emulation here"
	done
	ktap_finished
fi

# Its marks, with nothing of its cause.
phantom='Oops: int3: 0000 Code: 0f <1f> 44'
check_equal "a fault of the emulator has its own status" 123 "$(status_of -- \
	sh -c "echo '<0>$phantom' >/dev/kmsg; busybox poweroff -f")"
check_equal "at boot it is one of the guest" 125 \
	"$(status_of --append "rootfstype=none x=\"$phantom\"" -- true)"
check_equal "which makes for another boot" 2 "$(grep -c 'vm: booting again' "$dir/err")"
check_equal "so is a boot without an end" 125 "$(RBLK_BOOT=3 status_of --qemu -S -- true)"
check_equal "which is tried again, too" 2 "$(grep -c 'vm: booting again' "$dir/err")"

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
	"$(grep -v kunit "$dir/x.tally" | tr '\n' '|')"
ktap_finished
