#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test-expected.sh TALLY SELECTED    print a line "fail KERNEL TEST: ..." for each test of
#                                    SELECTED (lines "KERNEL TEST") that has not as many
#                                    results in TALLY as tests/expected says. One that is
#                                    skipped as a whole has said why.
# test-expected.sh --write TALLY     write what TALLY has to tests/expected, and keep what
#                                    else stands there, if there still is such a test
# A kernel of another series, as in fast-7.3, is expected to have as many as fast.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
expected=$RBLK_TOP/tests/expected

# count TALLY: "N KERNEL TEST" for each test.
count() {
	sed -nE 's/^(pass|fail|skip) ([^ ]* (tests\/|cargo:)[^ ]*): .*/\2/p' "$1" | sort | uniq -c |
		awk '{ print $1, $2, $3 }'
}

if [ "$1" = --write ]; then
	! grep -q '^fail' "$2" || say 'some tests failed: their numbers may be wrong'
	cd "$RBLK_TOP"
	{
		echo '# SPDX-License-Identifier: GPL-2.0'
		echo '# How many results each test has, by kernel. After a run of tests that were changed:'
		echo '# scripts/test.sh --expect'
		{ count "$2" | grep -vE '^[0-9]+ [a-z]+-[0-9.]+ ' || :; grep -v '^#' "$expected" || :; } | while read -r n kernel test; do
			[[ $test == tests/* && ! -x $test ]] || echo "$n $kernel $test"
		done | awk '!seen[$2 " " $3]++' | sort -k 2
	} >"$expected.new"
	mv "$expected.new" "$expected"
	exit
fi

awk '
	function plain(what) { sub(/-[0-9.]+ /, " ", what); return what }
	FILENAME == ARGV[1] { if ($0 !~ /^#/) want[$2 " " $3] = $1; next }
	FILENAME == ARGV[2] { have[$2 " " $3] = $1; next }
	FILENAME == ARGV[3] { skipped[$0] = 1; next }
	{
		n = have[$0] + 0
		wanted = plain($0)
		if (!(wanted in want))
			printf("fail %s: not in tests/expected (%d results)\n", $0, n)
		else if (n != want[wanted] && !($0 in skipped))
			printf("fail %s: %d results, not the %d of tests/expected\n", $0, n, want[wanted])
	}
' "$expected" <(count "$1") <(grep -v '# SKIP' "$1" | sed -n 's/^skip \([^ ]* tests[^ ]*\): .*/\1/p') "$2"
