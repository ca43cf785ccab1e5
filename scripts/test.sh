#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [-k KERNEL] [PATTERN...]: run the tests whose path matches one of the
# patterns (all of them by default): cargo's on the host, then tests/*/*.sh,
# several per guest, on the kernels that each names (see tests/lib/ktap.sh).
# RBLK_JOBS=N has N guests at a time; as many as the machine has processors, and
# memory for, if it is not given. RBLK_SLOW=N allows N times the seconds, for a
# machine that has other work.
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

# A guest keeps one processor busy, and wants at most 4 GiB.
jobs=$RBLK_JOBS
fitting=$(awk '/^MemAvailable:/ { print int($2 / 4e6) }' /proc/meminfo)
[ "$jobs" -le "$fitting" ] || jobs=$fitting
[ "$jobs" -ge 1 ] || jobs=1
# Who shares the machine gets on more slowly.
slow=$((${RBLK_SLOW:-1} * (jobs > 1 ? 2 : 1)))

"$RBLK_TOP/scripts/deps.sh" build rust vm || exit

wanted() {
	local p
	[ ${#patterns[@]} -gt 0 ] || return 0
	for p in "${patterns[@]}"; do
		[[ $1 != *$p* ]] || return 0
	done
	return 1
}

# run_cargo DIRECTORY...: the tests of those crates.
run_cargo() {
	local ret packages=() dir
	for dir; do
		! wanted "$dir" || packages+=(-p "$(sed -n 's/^name = "\(.*\)"/\1/p' "$dir/Cargo.toml" | head -n 1)")
	done
	[ ${#packages[@]} -gt 0 ] || return 0
	say "host: cargo test ${packages[*]}"
	cargo test --locked "${packages[@]}" --no-fail-fast 2>&1 | tee "$results/cargo.log"
	ret=${PIPESTATUS[0]}
	awk -v ret="$ret" '
		/^test .* \.\.\. ok$/ { print "pass host", $2; next }
		/^test .* \.\.\. FAILED$/ { print "fail host", $2; failed = 1; next }
		/^test .* \.\.\. ignored/ { print "skip host", $2 }
		END { if (ret && !failed) print "fail host cargo test does not build" }
	' "$results/cargo.log" >"$results/cargo.tally"
}

# build_programs: what tests in guests use, or test.
build_programs() {
	say 'building programs'
	cargo build -q --release --locked --workspace ||
		echo 'fail host the programs do not build' >>"$results/build.tally"
}

# A boot is a line "NAME|KERNEL|MEM|ARGS|FACTOR|TESTS" (see test-boot). Each makes
# a file of results: lines of pass, fail or skip, kernel, title.
boots=()
# boot KERNEL MEM ARGS TESTS
boot() {
	local factor=$slow mem=$2
	if [ "$1" = debug ]; then
		factor=$((factor * 3))
		mem=$((mem * 2))
	fi
	boots+=("$1-${#boots[@]}|$1|$mem|$3|$factor|$4")
}

# boots_of KERNEL MEM ARGS TEST...: boots of at most 25 minutes by what tests allow
# themselves; they take a quarter of that.
boots_of() {
	local kernel=$1 mem=$2 args=$3 test list='' seconds=0 more
	shift 3
	for test; do
		more=$(test_header "$test" timeout 120)
		if [ "$seconds" -gt 0 ] && [ $((seconds + more)) -gt 1500 ]; then
			boot "$kernel" "$mem" "$args" "$list"
			list='' seconds=0
		fi
		list+="${list:+ }$test"
		seconds=$((seconds + more))
	done
	boot "$kernel" "$mem" "$args" "$list"
}

# Tests with the same needs share guests.
declare -A groups
for test in tests/*/*.sh; do
	case $test in tests/lib/*) continue ;; esac
	if ! [ -x "$test" ] || ! wanted "$test"; then
		continue
	fi
	for k in $(test_header "$test" kernels 'fast debug'); do
		if [ "$k" = host ]; then
			boot host '' '' "$test"
		elif [[ " $kernels " == *" $k "* ]]; then
			args=$(test_header "$test" args '')
			if [ "$k" = debug ] && [ "$(test_header "$test" leaks no)" = no ]; then
				args+=' --append kmemleak=off'
			fi
			groups["$k|$(test_header "$test" mem 1024)|$args"]+=" $test"
		fi
	done
done
# What takes longest, debug, comes first.
for kernel in $(tr ' ' '\n' <<<"$kernels" | sort); do
	[[ " ${!groups[*]}" == *" $kernel|"* ]] || continue
	if [ -z "${RBLK_KO:-}" ] && ! scripts/module.sh "$kernel" >/dev/null; then
		echo "fail $kernel the module does not build" >>"$results/build.tally"
		continue
	fi
	for group in "${!groups[@]}"; do
		[[ $group == "$kernel|"* ]] || continue
		IFS='|' read -r _ mem args <<<"$group"
		# shellcheck disable=SC2086 # a list
		boots_of "$kernel" "$mem" "$args" ${groups[$group]}
	done
done

run_cargo tests/host tests/loom tests/mmc-drive tools/pktcdvd rust/host/cdrom
[ ${#boots[@]} -eq 0 ] || build_programs
if [ ${#boots[@]} -gt 0 ]; then
	say "${#boots[@]} lists of tests to run, $jobs at a time"
	printf '%s\0' "${boots[@]}" | xargs -0 -n 1 -P "$jobs" scripts/test-boot
fi
for b in "${boots[@]}"; do
	[ -s "$results/${b%%|*}.tally" ] || echo "fail ${b%%|*} was not run" >>"$results/build.tally"
done

tally=$results/tally
cat "$results"/*.tally >"$tally"
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
