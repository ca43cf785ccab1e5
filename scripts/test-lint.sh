#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test-lint.sh [DIRECTORY]: say which files in DIRECTORY/tests would not be run as
# whoever wrote them believes: tests without the executable bit, headers that are
# misspelt or too far down, results that tests/expected does not know of. Fails if
# there are any.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "${1:-$RBLK_TOP}" || exit

bad=0
# complain FILE WORDS...
complain() {
	printf '%s: %s\n' "$1" "${*:2}"
	bad=1
}

# header FILE KEY VALUE: a header that test.sh would take for something else.
header() {
	local word
	case $2 in
	kernels)
		[ -n "$3" ] || complain "$1" 'rblk-kernels names no kernel'
		for word in $3; do
			case $word in
			fast | debug | host) ;;
			*) complain "$1" "rblk-kernels: there is no kernel '$word' (fast, debug, host)" ;;
			esac
		done
		;;
	timeout | mem) [[ $3 =~ ^[1-9][0-9]*$ ]] || complain "$1" "rblk-$2: '$3' is no number" ;;
	module) [[ " $(module_roots) " == *" $3 "* ]] || complain "$1" "rblk-module: there is no module '$3'" ;;
	leaks | quick) [[ $3 =~ ^(yes|no)$ ]] || complain "$1" "rblk-$2: yes or no, not '$3'" ;;
	args) ;;
	*) complain "$1" "there is no header rblk-$2" ;;
	esac
}

known=()
for test in tests/*/*.sh; do
	case $test in tests/lib/*) continue ;; esac
	if ! [ -x "$test" ]; then
		complain "$test" 'not executable, so it is not run (what tests share is in a directory below)'
		continue
	fi
	while IFS=: read -r line text; do
		if ! [[ $text =~ ^'# rblk-'([a-z]+):' '*(.*)$ ]]; then
			complain "$test" "line $line: not a header as '# rblk-KEY: VALUE' is: $text"
		elif [ "$line" -gt "$RBLK_HEADER_LINES" ]; then
			complain "$test" "line $line: headers are in the first $RBLK_HEADER_LINES lines"
		else
			header "$test" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
		fi
	done < <(grep -niE '^[[:space:]]*#+[[:space:]]*rblk[-_ ]?[a-z]+[[:space:]]*:' "$test")
	for kernel in $(test_header "$test" kernels 'fast debug'); do
		known+=("$kernel $test")
		grep -qE "^[0-9]+ $kernel $test\$" tests/expected 2>/dev/null ||
			complain "$test" "tests/expected does not say how many results it has on $kernel"
	done
done
while read -r _ kernel test; do
	[[ $test != tests/* || " ${known[*]/#/|} " == *"|$kernel $test "* ]] ||
		complain tests/expected "there is no $test for $kernel"
done < <(grep -v '^#' tests/expected 2>/dev/null)
exit "$bad"
