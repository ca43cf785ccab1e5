#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
#
# What is made of a test's output, and of files that would not be run: a run is green only if each
# test did what it planned, as often as tests/expected says.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
scripts=$(realpath "$(dirname "$0")/../../scripts")
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
ktap_plan 49

# of STATUS LINE...: how a test that says that, and ends with STATUS, is counted.
of() {
	{
		echo '# rblk: begin t'
		printf '%s\n' "${@:2}"
		[ -z "$1" ] || echo "# rblk: end t $1 3"
	} | awk -v where=fast -f "$scripts/ktap.awk" | grep -v '^time ' | cut -d ' ' -f 1 | xargs
}

check_equal "results that pass" 'pass pass' "$(of 0 1..2 'ok 1 a' 'ok 2 b')"
check_equal "a result that fails" 'pass fail' "$(of 1 1..2 'ok 1 a' 'not ok 2 b')"
check_equal "a result that is left out, with its reason" 'skip pass' \
	"$(of 0 1..2 'ok 1 a # SKIP no such tool' 'ok 2 b')"
check_equal "and without" 'fail pass' "$(of 0 1..2 'ok 1 a # SKIP' 'ok 2 b')"
check_equal "what fails is not left out" 'fail' "$(of 1 1..1 'not ok 1 a # SKIP no such tool')"
check_equal "a test that is left out" 'skip' "$(of 4 '1..0 # SKIP no such tool')"
check_equal "and says no reason" 'fail' "$(of 4 '1..0 # SKIP')"
check_equal "nor anything else" 'fail' "$(of 4)"
check_equal "a test that plans nothing" 'fail' "$(of 0 1..0)"
check_equal "fewer results than planned" 'pass fail' "$(of 0 1..2 'ok 1 a')"
check_equal "more results than planned" 'pass pass fail' "$(of 0 1..1 'ok 1 a' 'ok 2 b')"
check_equal "no plan" 'pass fail' "$(of 0 'ok 1 a')"
check_equal "another status than its results" 'pass fail' "$(of 1 1..1 'ok 1 a')"
check_equal "no end" 'pass fail' "$(of '' 1..1 'ok 1 a')"
check_equal "a bail-out" 'pass fail' "$(of 0 1..1 'ok 1 a' 'Bail out! no more')"
check_equal "the time that it took" 'time fast 3 t' "$({
	echo '# rblk: begin t'
	echo '# rblk: end t 0 3'
} | awk -v where=fast -f "$scripts/ktap.awk" | grep ^time)"

check_equal "the last lines that say why one failed" 'why 3 why 4 why 5 why 6' "$({
	echo '# rblk: begin t'
	printf '%s\n' 1..2 'not ok 1 a' '#   '{1..6} 'ok 2 b' '#   7'
	echo '# rblk: end t 1 3'
} | awk -v where=fast -f "$scripts/ktap.awk" | grep ^why | xargs)"

# A tree of tests in which nothing is wrong, and then something.
mkdir -p "$dir/tests"/{x/lib,lib}
test=$dir/tests/x/test.sh
fresh() {
	printf '#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n' >"$test"
	printf '# rblk-kernels: fast\n# rblk-timeout: 5\n# rblk-args: --cpus 3\n' >>"$test"
	chmod +x "$test"
	echo '3 fast tests/x/test.sh' >"$dir/tests/expected"
	echo 'a library' >"$dir/tests/lib/shared.sh"
	echo 'a library' >"$dir/tests/x/lib/shared.sh"
}
lint() { "$scripts/test-lint.sh" "$dir"; }
# wrong TITLE EXPECTED-WORDS: with the file as it is.
wrong() {
	check_fails "refused: $1" lint
	check "and why" grep -q "$2" <<<"$(lint)"
	fresh
}
fresh
check "a tree of tests in which nothing is wrong" lint
chmod -x "$test"
wrong 'no executable bit' 'not executable'
sed -i 's/: fast$/: fast,debug/' "$test"
wrong 'kernels with a comma' "no kernel 'fast,debug'"
sed -i 's/: fast$/: Fast/' "$test"
wrong 'a kernel that is none' "no kernel 'Fast'"
sed -i 's/rblk-kernels/rblk-kernel/' "$test"
wrong 'a header that is none' 'no header rblk-kernel'
sed -i 's/# rblk-timeout/#rblk-timeout/' "$test"
wrong 'a header without its blank' 'not a header'
sed -i 's/: 5$/: five/' "$test"
wrong 'a time that is none' 'no number'
{ yes '#' | head -n 40; echo '# rblk-mem: 2048'; } >>"$test"
wrong 'a header that is too far down' 'in the first'
: >"$dir/tests/expected"
wrong 'a test that tests/expected does not know' 'does not say how many'
echo '3 debug tests/x/test.sh' >>"$dir/tests/expected"
wrong 'one that is no more' 'there is no tests/x/test.sh for debug'

# As many results as are expected. This test is one of those that are.
me=tests/vm/ktap.sh
n=$(sed -n "s|^\([0-9]*\) host $me\$|\1|p" "$scripts/../tests/expected")
echo "host $me" >"$dir/selected"
# counted N LINE...: N results that pass, and the lines.
counted() {
	yes "pass host $me: x" | head -n "$1"
	[ $# -lt 2 ] || printf '%s\n' "${@:2}"
}
verdict() {
	counted "$@" >"$dir/tally"
	"$scripts/test-expected.sh" "$dir/tally" "$dir/selected" | cut -d ' ' -f 1 | xargs
}
check_equal "as many results as expected" '' "$(verdict "$n")"
check_equal "results that are left out are results" '' \
	"$(verdict $((n - 1)) "skip host $me: x # SKIP why")"
check_equal "fewer results" fail "$(verdict $((n - 1)))"
check_equal "none" fail "$(verdict 0 'pass host cargo:x: y')"
check_equal "more" fail "$(verdict $((n + 1)))"
check_equal "a test that is left out" '' "$(verdict 0 "skip host $me: why")"

# A kernel of a series has as many as one without.
series=tests/ram/data.sh
n=$(sed -n "s|^\([0-9]*\) fast $series\$|\1|p" "$scripts/../tests/expected")
echo "fast-7.3 $series" >"$dir/selected"
of_series() {
	yes "pass fast-7.3 $series: x" | head -n "$1" >"$dir/tally"
	"$scripts/test-expected.sh" "$dir/tally" "$dir/selected" | cut -d ' ' -f 1 | xargs
}
check_equal "as many results on a kernel of a series as are expected" '' "$(of_series "$n")"
check_equal "fewer there" fail "$(of_series $((n - 1)))"

# Words that select nothing.
check_fails "T= of which one word is in no path" "$scripts/test.sh" tests/vm/ktap nothing-like-that
check_fails "K= with a kernel that is none" "$scripts/test.sh" -k 'fast dbug'
check_fails "K= with none" "$scripts/test.sh" -k ' '
check_fails "KERNELS= with a series that is none" "$scripts/test.sh" -s '7,2' tests/vm/ktap
check_fails "KERNELS= with none" "$scripts/test.sh" -s ' ' tests/vm/ktap
ktap_finished
