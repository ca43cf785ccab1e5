#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-timeout: 60
# rblk-quick: yes
#
# The KUnit suites of the modules, which run when a module is loaded: each case that a source file
# has is there, and passes. scripts/vm has them off, so that they do not run at each load.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
top=$(dirname "$0")/../..
filter=/sys/module/kunit/parameters/filter_glob
results=/sys/kernel/debug/kunit

# cases FILE...: "SUITE CASE" for each that these files have.
cases() {
	awk '
		match($0, /kunit_tests\([a-z_0-9]+\)/) {
			suite = substr($0, RSTART + 12, RLENGTH - 13)
		}
		/^ *#\[test\]/ { test = 1; next }
		test && match($0, /fn [a-z_0-9]+/) {
			print suite, substr($0, RSTART + 3, RLENGTH - 3)
			test = 0
		}
	' "$@"
}

# run_suites MODULE: prints "SUITE CASE" for each that passes, and what the others say.
run_suites() {
	local suite
	rmmod "$1" 2>/dev/null
	printf '*' >"$filter"
	modprobe "$1"
	printf none >"$filter"
	for suite in "$results"/*/; do
		[ ! -e "$suite/results" ] || awk -v suite="$(basename "$suite")" '
			/^ +ok [0-9]+ / { print suite, $3 }
			/^ *not ok |: ASSERTION FAILED at |^ *Expected / { print "#", $0 >"/dev/stderr" }
		' "$suite/results"
	done
}

mapfile -t of_rblk < <(grep -rlE 'kunit_tests\(' "$top/drivers")
mapfile -t of_layer < <(grep -rlE 'kunit_tests\(' "$top/rust/tests")
find "$top/rust" -name '*.rs' -not -path '*/tests/*' -not -path '*/host/*' -print0 |
	xargs -0 "$top/scripts/doc-examples.py" >"$RBLK_SCRATCH/examples.rs"
mapfile -t wanted < <(cases "${of_rblk[@]}" "${of_layer[@]}" "$RBLK_SCRATCH/examples.rs")
ktap_plan $((${#wanted[@]} + 1))
{
	run_suites rblk
	run_suites rb_kunit
	rmmod rb_kunit
} >"$RBLK_SCRATCH/passed"
check "there are suites of drivers and of the layer" \
	test "${#of_rblk[@]}" -gt 0 -a "${#of_layer[@]}" -gt 0
for case in "${wanted[@]}"; do
	check "$case" grep -qx "$case" "$RBLK_SCRATCH/passed"
done
ktap_finished
