#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 600
#
# make run, the first command of the README: the files that it copies through the packet driver are
# the same when they come back, and it says so in its last line.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 10
out=$(mktemp "${TMPDIR:-/tmp}/demo.XXXXXX")
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -f "$out" "$ktap_output"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS

demo() {
	make -C "$(dirname "$0")/../.." --no-print-directory run >"$out" 2>&1 && return
	tail -n 30 "$out"
	return 1
}
# told PATTERN: what it says at the place of the brackets, in a line.
told() { sed -nE "s/^$1\$/\1/p" "$out"; }

check "make run" demo
files=$(told '5\. ([0-9]+) files of this project.*')
check "it copies some files" test "${files:-0}" -ge 50
check_equal "as many are compared, and are the same" "$files" \
	"$(told ' +([0-9]+) files match, [0-9.]+ MiB, and no others are there')"
packets=$(told ' +packets finished +([0-9]+) *')
check_equal "in whole packets" "${packets:-some}" \
	"$(told "It worked: $files files went .* in ([0-9]+) whole packets and came back intact.*")"
check_equal "two discs have them, too" 2 \
	"$(grep -cE '^ +[0-9]+ files and the large one are there, and the same$' "$out")"
check_equal "the system slept while a disc was written" 1 \
	"$(told ' +it slept, and woke: ([0-9]+) time')"
check "the button opened the tray after that" grep -qE '^ +it is unmounted, and the tray is open$' "$out"
check_equal "the file below a copy-on-write disk stays as it was, twice" 2 "$(grep -cx '    base: OK' "$out")"
check "merged, it has the changes, and nothing else" grep -qx '    no difference' "$out"
check_equal "that it worked is said last" "It worked: $files" \
	"$(tail -n 1 "$out" | grep -o '^It worked: [0-9]*')"
ktap_finished
