#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mutants.sh [WORD|PATCH]...: make one small fault after the other, and see the tests
# notice. Takes the patches in tests/mutants whose names have one of the words (all of
# them by default), or others by their paths. The text in front of a patch says what the
# fault is, and in lines "Red: KERNEL TEST" which tests must fail:
#   Red: fast tests/ram/data.sh             a test in a guest with that kernel
#   Red: host tests/nbd/swap.sh             a test that starts guests of its own
#   Red: host rblk-host-tests logic::zone   cargo test -p rblk-host-tests logic::zone
# Each of these tests must pass without the fault; it is run so first, once (not with
# RBLK_TRUST=1). Works on a copy of this tree in build/mutants, where the logs are. Fails
# unless every fault was noticed by each of its tests.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP" || exit

dir=$RBLK_TOP/build/mutants
tree=$dir/tree
mkdir -p "$tree" "$dir/log"

patches=()
for word in "${@:-}"; do
	if [[ $word == *.patch ]]; then
		patches+=("$(realpath -e "$word")") || exit
	else
		mapfile -t found < <(compgen -G "$RBLK_TOP/tests/mutants/*$word*.patch")
		[ ${#found[@]} -gt 0 ] || die "no mutant has '$word' in its name"
		patches+=("${found[@]}")
	fi
done
"$RBLK_TOP/scripts/deps.sh" build rust vm || exit

# What is tracked, or new and not ignored, as it is now; what has not changed keeps its
# time, so that only what a fault touches is built again.
git ls-files -z --cached --others --exclude-standard --deduplicate |
	rsync -a --files-from=- --from0 --ignore-missing-args . "$tree" || exit

# patched LOG OPTION...: apply the patch to the tree, or take it back.
patched() { patch -d "$tree" -p1 --fuzz=0 --no-backup-if-mismatch -s "${@:2}" >>"$1" 2>&1; }

# in_guest LOG KERNEL TEST: prints green, red, or why it was not run.
in_guest() {
	local log=$1 kernel=$2 test=$3 args mem factor=$((2 * ${RBLK_SLOW:-1}))
	[ -x "$tree/$test" ] || { echo 'no such test' && return; }
	[ "$kernel" = host ] || "$tree/scripts/module.sh" "$kernel" >>"$log" 2>&1 || { echo 'does not build' && return; }
	(cd "$tree" && cargo build -q --release --locked --workspace) >>"$log" 2>&1 ||
		{ echo 'its programs do not build' && return; }
	args=$(test_header "$test" args '')
	mem=$(test_header "$test" mem 1024)
	if [ "$kernel" = debug ]; then
		[ "$(test_header "$test" leaks no)" = yes ] || args+=' --append kmemleak=off'
		mem=$((mem * 2))
		factor=$((factor * 3))
	fi
	rm -rf "$dir/results"
	mkdir -p "$dir/results"
	RBLK_RESULTS=$dir/results "$tree/scripts/test-boot" \
		"mutant|$kernel|$mem|$args|$factor|$test" >>"$log" 2>&1
	cat "$dir/results/mutant.tally" >>"$log"
	if grep -q '^fail' "$dir/results/mutant.tally"; then
		echo red
	elif grep -q '^pass' "$dir/results/mutant.tally"; then
		echo green
	else
		echo 'not run'
	fi
}

# on_host LOG PACKAGE [FILTER]
on_host() {
	local log=$1
	shift
	(cd "$tree" && cargo test -q --locked -p "$1" --no-run) >>"$log" 2>&1 ||
		{ echo 'does not build' && return; }
	if ! (cd "$tree" && cargo test --locked -p "$@") >"$dir/cargo.log" 2>&1; then
		echo red
	elif grep -qE '^test .* ok$' "$dir/cargo.log"; then
		echo green
	else
		echo 'no such test'
	fi
	cat "$dir/cargo.log" >>"$log"
}

# judged LOG KERNEL ...: of a line "Red:".
judged() {
	case $2 in
	host)
		if [[ $3 == tests/*.sh ]]; then in_guest "$@"; else on_host "$1" "${@:3}"; fi
		;;
	fast | debug) in_guest "$@" ;;
	*) echo "no such kernel" ;;
	esac
}

declare -A healthy
noticed=0 faults=()
# said NAME WHAT...
said() {
	printf '%-44s %s\n' "$1" "${*:2}"
	[ "$2" = noticed ] && noticed=$((noticed + 1)) || faults+=("$1: ${*:2}")
}

for file in "${patches[@]}"; do
	name=$(basename "$file" .patch)
	log=$dir/log/$name.log
	: >"$log"
	mapfile -t reds < <(sed -n '/^diff \|^--- /q; s/^Red: *//p' "$file")
	if [ ${#reds[@]} -eq 0 ]; then
		said "$name" 'names no test'
		continue
	fi
	bad=''
	for red in "${reds[@]}"; do
		if [ -z "${RBLK_TRUST:-}" ] && [ -z "${healthy[$red]:-}" ]; then
			# shellcheck disable=SC2086 # words
			healthy[$red]=$(judged "$dir/log/healthy.log" $red)
		fi
		[ "${healthy[$red]:-green}" = green ] || bad+="without it, $red: ${healthy[$red]}; "
	done
	if [ -z "$bad" ] && ! patched "$log" --dry-run -i "$file"; then
		bad='does not apply; '
	elif [ -z "$bad" ]; then
		patched "$log" -i "$file"
		for red in "${reds[@]}"; do
			# shellcheck disable=SC2086 # words
			verdict=$(judged "$log" $red)
			[ "$verdict" = red ] || bad+="$red: $verdict; "
		done
		patched "$log" -R -i "$file" || die "$name cannot be taken back"
	fi
	said "$name" "${bad:-noticed}"
done
printf '%s\n' "$noticed of ${#patches[@]} faults were noticed"
[ "$noticed" = ${#patches[@]} ]
