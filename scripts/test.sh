#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [-k KERNEL] [PATTERN...]: run the tests whose path matches one of the
# patterns (all of them by default): cargo's on the host, then tests/*/*.sh,
# several per guest, on the kernels that each names (see tests/lib/ktap.sh).
# RBLK_SLOW=N allows N times the seconds, for a machine that has other work.
# The last line is "N passed, N failed", with ", N skipped" if any were.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP" || exit

kernels='fast debug'
if [ "${1:-}" = -k ]; then
	kernels=$2
	shift 2
fi
patterns=("$@")
results=$RBLK_TOP/build/test
rm -rf "$results"
mkdir -p "$results"
# Every result as a line: pass, fail or skip, kernel, title.
tally=$results/tally
: >"$tally"

"$RBLK_TOP/scripts/deps.sh" build rust vm || exit

wanted() {
	local p
	[ ${#patterns[@]} -gt 0 ] || return 0
	for p in "${patterns[@]}"; do
		[[ $1 != *$p* ]] || return 0
	done
	return 1
}

# header FILE KEY DEFAULT: the value of "# rblk-KEY: value".
header() {
	local value
	value=$(sed -n "1,30s/^# rblk-$2: *//p" "$1" | head -n 1)
	echo "${value:-$3}"
}

run_cargo() {
	local ret
	if ! [ -e tests/host/Cargo.toml ] || ! wanted tests/host; then
		return 0
	fi
	say 'host: cargo test'
	cargo test --manifest-path tests/host/Cargo.toml --no-fail-fast 2>&1 |
		tee "$results/host.log"
	ret=${PIPESTATUS[0]}
	awk -v ret="$ret" '
		/^test .* \.\.\. ok$/ { print "pass host", $2; next }
		/^test .* \.\.\. FAILED$/ { print "fail host", $2; failed = 1; next }
		/^test .* \.\.\. ignored/ { print "skip host", $2 }
		END { if (ret && !failed) print "fail host cargo test does not build" }
	' "$results/host.log" >>"$tally"
}

run_on_host() {
	local test log
	for test; do
		log=$results/host-$(basename "$test").log
		{
			echo "# rblk: begin $test"
			timeout $((${RBLK_SLOW:-1} * $(header "$test" timeout 120))) "$test"
			echo "# rblk: end $test $?"
		} 2>&1 | tee "$log"
		awk -v where=host -f scripts/ktap.awk "$log" >>"$tally"
	done
}

# run_in_guest KERNEL MEM ARGS TEST...: in one boot; what did not get its turn
# because the guest died has it in the next one.
run_in_guest() {
	local kernel=$1 mem=$2 args=$3 test log n=0 seconds=180 factor=${RBLK_SLOW:-1} ret
	shift 3
	if [ "$kernel" = debug ]; then
		factor=$((factor * 3))
		mem=$((mem * 2))
	fi
	for test; do
		seconds=$((seconds + factor * $(header "$test" timeout 120)))
	done
	while [ $# -gt 0 ]; do
		while log=$results/$kernel-$n.log && [ -e "$log" ]; do n=$((n + 1)); done
		say "$kernel kernel: $*"
		# shellcheck disable=SC2086 # a list
		scripts/vm --kernel "$kernel" --mem "$mem" --timeout "$seconds" \
			--log "${log%.log}.kernel.log" $args \
			-- scripts/guest-tests "$factor" "$@" 2>&1 | tee "$log"
		ret=${PIPESTATUS[0]}
		awk -v where="$kernel" -f scripts/ktap.awk "$log" >>"$tally"
		if [ "$ret" -ne 0 ]; then
			echo "fail $kernel the guest or its kernel failed, see $log" >>"$tally"
		fi
		if ! grep -qxF "# rblk: begin $1" "$log"; then
			printf "fail $kernel %s: did not begin\n" "$@" >>"$tally"
			return
		fi
		while [ $# -gt 0 ] && grep -qxF "# rblk: begin $1" "$log"; do
			shift
		done
	done
}

declare -A groups
on_host=()
for test in tests/*/*.sh; do
	case $test in tests/lib/*) continue ;; esac
	if ! [ -x "$test" ] || ! wanted "$test"; then
		continue
	fi
	where=$(header "$test" kernels 'fast debug')
	for k in $where; do
		if [ "$k" = host ]; then
			on_host+=("$test")
		elif [[ " $kernels " == *" $k "* ]]; then
			groups["$k|$(header "$test" mem 1024)|$(header "$test" args '')"]+=" $test"
		fi
	done
done

run_cargo
[ ${#on_host[@]} -eq 0 ] || run_on_host "${on_host[@]}"
for kernel in $kernels; do
	for group in "${!groups[@]}"; do
		[[ $group == "$kernel|"* ]] || continue
		IFS='|' read -r _ mem args <<<"$group"
		# shellcheck disable=SC2086 # a list
		run_in_guest "$kernel" "$mem" "$args" ${groups[$group]}
	done
done

passed=$(grep -c '^pass' "$tally")
failed=$(grep -c '^fail' "$tally")
skipped=$(grep -c '^skip' "$tally")
if [ "$skipped" -gt 0 ]; then
	echo 'Skipped:'
	sed -n 's/^skip /  /p' "$tally"
fi
if [ "$failed" -gt 0 ]; then
	echo 'Failed:'
	sed -n 's/^fail /  /p' "$tally"
fi
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line+=", $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
