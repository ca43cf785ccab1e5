#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 300
#
# scripts/vm passes on what it should, and lets no complaint of the kernel by.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 8
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
ktap_finished
