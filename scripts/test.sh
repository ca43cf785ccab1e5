#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [-s SERIES] [-k KERNELS] [-q] [PATTERN...]: run the tests whose path has one of the
# patterns (all of them by default): cargo's on the host, then tests/*/*.sh,
# several per guest, on the kernels that each names (see tests/lib/ktap.sh). -s "7.2 7.3"
# has them run on kernels of these series; tests that run on the host use the first. -q
# takes cargo's and the quick ones on the fast kernel, for before a commit.
# test.sh --expect: write what the last run counted to tests/expected.
# RBLK_JOBS=N has N guests at a time. Without it, twice as many run as the machine has processors,
# since a guest waits for something half of its time, but no more than there is memory for.
# RBLK_SLOW=N allows N times the seconds, for a machine that has other work. RBLK_SEED=N is what
# random tests begin with.
# The last line is "N passed, N failed", with ", N skipped" if any were; before it come
# where the time went, what was tried again, what was skipped and what failed.
set -uo pipefail
given_jobs=${RBLK_JOBS:-}
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP" || exit

results=$RBLK_TOP/build/test
kernels='fast debug' series=''
quick='' whole=1
while [ $# -gt 0 ]; do
	case $1 in
	-k)
		kernels=${2:?}
		[ "$kernels" = 'fast debug' ] || whole=''
		shift
		;;
	-s)
		series=${2:?}
		shift
		;;
	-q) quick=1 kernels=fast whole='' ;;
	--expect) exec scripts/test-expected.sh --write "$results/counted" ;;
	*) break ;;
	esac
	shift
done
patterns=("$@")
[ $# -eq 0 ] || whole=''

for k in $kernels; do
	case $k in
	fast | debug) ;;
	*) die "K=$k: tests run on fast and debug" ;;
	esac
done
[ -n "${kernels// /}" ] || die 'K= names no kernel'
# Of the first series the kernels have no other name than without one.
suffixes=('')
if [ -n "$series" ]; then
	read -ra words <<<"$series"
	[ ${#words[@]} -gt 0 ] || die 'KERNELS= names no series'
	for s in "${words[@]}"; do
		[[ $s =~ ^[0-9]+\.[0-9]+$ ]] || die "KERNELS=$s: a series is a number as 7.2"
		[ "$s" = "${words[0]}" ] || suffixes+=("-$s")
	done
	export RBLK_SERIES=${words[0]}
fi
# Crates with tests of their own.
crates=(tests/host tests/loom tests/sim tests/sim/drivers/ram tests/sim/kunit tests/mmc-drive tools/pktcdvd tools/nbd tools/ubd rust/host/cdrom)
for p in ${patterns[@]+"${patterns[@]}"}; do
	printf '%s\n' "${crates[@]}" tests/*/*.sh | grep -qF -- "$p" || die "T=: no test has '$p' in its path"
done

# One seed for all that is random, another one with each commit.
: "${RBLK_SEED:=$((16#$(git rev-parse --short=7 HEAD 2>/dev/null | cut -c 1-7 || echo 1)))}"
export RBLK_SEED PROPTEST_RNG_SEED=$RBLK_SEED BOLERO_RANDOM_SEED=$RBLK_SEED

rm -rf "$results"
mkdir -p "$results"
started=$SECONDS

# A guest keeps about half a processor busy, and wants at most 4 GiB.
jobs=${given_jobs:-$((RBLK_JOBS * 2))}
fitting=$(awk '/^MemAvailable:/ { print int($2 / 4e6) }' /proc/meminfo)
[ "$jobs" -le "$fitting" ] || jobs=$fitting
[ "$jobs" -ge 1 ] || jobs=1
# Who shares the machine gets on more slowly.
slow=$((${RBLK_SLOW:-1} * (jobs == 1 ? 1 : jobs > $(nproc) ? 3 : 2)))

"$RBLK_TOP/scripts/deps.sh" build rust vm || exit

wanted() {
	local p
	[ ${#patterns[@]} -gt 0 ] || return 0
	for p in "${patterns[@]}"; do
		[[ $1 != *$p* ]] || return 0
	done
	return 1
}

# Without a cache, DKMS builds for minutes. It begins now, with low priority; the test waits for it,
# and reads in this file where the result is.
early='' cargo=''
# What runs in the background ends with this script, however that ends.
stop() {
	[ -z "$early" ] || kill -- "-$early"
	[ -z "$cargo" ] || pkill -P "$cargo"
} 2>/dev/null
trap stop EXIT
if [ -z "$quick" ] && [ "$(id -u)" = 0 ] && wanted tests/installed/stock.sh; then
	export RBLK_INSTALLED=$results/installed
	setsid nice scripts/installed.sh modules >"$results/installed.log" 2>&1 </dev/null &
	early=$!
fi

fail() { echo "fail $*" >>"$results/build.tally"; }

# spent WHAT SINCE: for the table at the end.
spent() { echo "spent $((SECONDS - $2)) $1" >>"$results/build.tally"; }

# run_cargo: their tests, beside those in guests. What they say is printed in one piece.
run_cargo() {
	local ret=0 packages=() dir since=$SECONDS
	for dir in "${crates[@]}"; do
		! wanted "$dir" || packages+=(-p "$(sed -n 's/^name = "\(.*\)"/\1/p' "$dir/Cargo.toml" | head -n 1)")
	done
	[ ${#packages[@]} -gt 0 ] || return 0
	say "host: cargo test ${packages[*]}"
	cargo test --locked "${packages[@]}" --no-fail-fast >"$results/cargo.log" 2>&1 || ret=$?
	flock "$results" cat "$results/cargo.log"
	awk -v ret="$ret" '
		/^ *Running .*\(target/ {
			sub(/-[0-9a-f]*\)$/, ""); sub(/.*\//, "")
			target = $0
		}
		/^ *Doc-tests / { target = "doc-" $2 }
		/^test .* \.\.\. ok$/ { print "pass host cargo:" target ":", $2; next }
		/^test .* \.\.\. FAILED$/ { print "fail host cargo:" target ":", $2; failed = 1; next }
		/^test .* \.\.\. ignored/ { print "skip host cargo:" target ":", $2 }
		END { if (ret && !failed) print "fail host cargo test ended with status", ret }
	' "$results/cargo.log" >"$results/cargo.tally"
	echo "spent $((SECONDS - since)) cargo test, meanwhile" >>"$results/cargo.tally"
}

# build_programs: what tests in guests use, or test.
build_programs() {
	local since=$SECONDS
	say 'building programs'
	cargo build -q --release --locked --workspace || fail 'host the programs do not build'
	spent 'building programs' "$since"
}

# A boot is a line "NAME|KERNEL|MEM|ARGS|FACTOR|TESTS" (see test-boot). Each makes
# a file of results: lines of pass, fail or skip, kernel, title.
boots=()
# boot KERNEL MEM ARGS TESTS
boot() {
	local factor=$slow mem=$2 test
	if [[ $1 == debug* ]]; then
		factor=$((factor * 3))
		mem=$((mem * 2))
	fi
	boots+=("$1-${#boots[@]}|$1|$mem|$3|$factor|$4")
	for test in $4; do
		echo "$1 $test" >>"$results/selected"
	done
}

# boots_of KERNEL MEM ARGS TEST...: boots of at most half an hour by what tests allow
# themselves; they take a third of that.
boots_of() {
	local kernel=$1 mem=$2 args=$3 test list='' seconds=0 more
	shift 3
	for test; do
		more=$(test_header "$test" timeout 120)
		if [ "$seconds" -gt 0 ] && [ $((seconds + more)) -gt 1800 ]; then
			boot "$kernel" "$mem" "$args" "$list"
			list='' seconds=0
		fi
		list+="${list:+ }$test"
		seconds=$((seconds + more))
	done
	boot "$kernel" "$mem" "$args" "$list"
}

# boots_outside: tests that run outside guests, once. Last comes the one that waits for DKMS.
boots_outside() {
	local test
	for test in ${outside[@]+"${outside[@]}"}; do
		[ "$test" = tests/installed/stock.sh ] || boot host '' '' "$test"
	done
	[[ " ${outside[*]} " != *' tests/installed/stock.sh '* ]] || boot host '' '' tests/installed/stock.sh
	outside=()
}

# What would not be run is a failure of its own.
while read -r line; do
	fail "host scripts/test-lint.sh: $line"
done < <(scripts/test-lint.sh 2>&1)

# Tests with the same needs share guests.
declare -A groups
outside=()
for test in tests/*/*.sh; do
	case $test in tests/lib/*) continue ;; esac
	if ! [ -x "$test" ] || ! wanted "$test"; then
		continue
	fi
	[ -z "$quick" ] || [ "$(test_header "$test" quick no)" = yes ] || continue
	for k in $(test_header "$test" kernels 'fast debug'); do
		if [ "$k" = host ]; then
			outside+=("$test")
		elif [[ " $kernels " == *" $k "* ]]; then
			args=$(test_header "$test" args '')
			if [ "$k" = debug ] && [ "$(test_header "$test" leaks no)" = no ]; then
				args+=' --append kmemleak=off'
			fi
			for s in "${suffixes[@]}"; do
				groups["$k$s|$(test_header "$test" mem 1024)|$args"]+=" $test"
			done
		fi
	done
done
since=$SECONDS
# What takes longest, debug, comes first. Tests on the host, some of which take long, are next.
for kernel in $(for k in $kernels; do printf "$k%s\n" "${suffixes[@]}"; done | sort -u); do
	[[ $kernel == debug* ]] || boots_outside
	[[ " ${!groups[*]}" == *" $kernel|"* ]] || continue
	if [ -z "${RBLK_KO:-}" ] && ! scripts/module.sh "$kernel" >/dev/null; then
		fail "$kernel the module does not build"
		continue
	fi
	for group in "${!groups[@]}"; do
		[[ $group == "$kernel|"* ]] || continue
		IFS='|' read -r _ mem args <<<"$group"
		# shellcheck disable=SC2086 # a list
		boots_of "$kernel" "$mem" "$args" ${groups[$group]}
	done
done
boots_outside
spent 'kernels and modules' "$since"

[ ${#boots[@]} -eq 0 ] || build_programs
run_cargo &
cargo=$!
if [ ${#boots[@]} -gt 0 ]; then
	since=$SECONDS
	say "${#boots[@]} lists of tests to run, $jobs at a time, with RBLK_SEED=$RBLK_SEED"
	printf '%s\0' "${boots[@]}" | xargs -0 -n 1 -P "$jobs" scripts/test-boot
	spent "tests of guests and host, $jobs at a time" "$since"
fi
wait "$cargo"
cargo=''
for b in "${boots[@]}"; do
	[ -s "$results/${b%%|*}.tally" ] || fail "${b%%|*} was not run"
done
touch "$results/selected"
[ -z "$whole" ] || sed -n 's/^[0-9]* \(host cargo:\)/\1/p' tests/expected >>"$results/selected"
cat "$results"/*.tally >"$results/counted"
scripts/test-expected.sh "$results/counted" "$results/selected" >"$results/expected.tally"

tally=$results/tally
cat "$results/counted" "$results/expected.tally" >"$tally"
passed=$(grep -c '^pass' "$tally")
failed=$(grep -c '^fail' "$tally")
skipped=$(grep -c '^skip' "$tally")
awk -v total="$(elapsed $((SECONDS - started)))" -f scripts/test-times.awk "$tally"
echo "Seed: RBLK_SEED=$RBLK_SEED"
echo "Tried again because of the emulator: $(grep -c '^again' "$tally")"
sed -n 's/^again /  /p' "$tally"
if [ "$skipped" -gt 0 ]; then
	echo 'Skipped:'
	sed -n 's/^skip /  /p' "$tally"
fi
if [ "$failed" -gt 0 ]; then
	echo 'Failed:'
	sed -n 's/^fail /  /p; s/^why /      /p' "$tally"
fi
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line+=", $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
