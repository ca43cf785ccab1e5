#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [SUITE...]: measure drivers of ours beside the kernel's that do the same
# job, in one guest each way: instructions per operation, counted by the emulator,
# and throughput. The suites are those of tests/bench/suites, optical and lower; a word stands
# for those whose names begin so. Results are in build/bench/: SUITE.json, SUITE.txt (with
# functions), report.html with all that is there, and report.json with its numbers. QUICK=1 measures for a shorter time.
#
# bench.sh --report     make the report again
# bench.sh --publish    put its numbers, and a small page of them, into Documentation/bench; those of
#                       suites that were not measured stay
#
# In the head of a suite: rblk-in-tree and rblk-ours, modules; rblk-units, "ops ms" or one of
# them; rblk-cpus of the guests that measure throughput; rblk-rounds, percent of the usual;
# rblk-mem, MiB of the guest that counts; rblk-seconds that its guests may take, those that
# count and those that do not.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

counts=5 rounds=30 ms=200 percent=100
[ -z "${QUICK:-}" ] || counts=2 rounds=4 ms=60 percent=25
export RBLK_BENCH_QUICK=${QUICK:-}
build=$RBLK_TOP/build/bench
here=tests/bench
mkdir -p "$build"

report() {
	scripts/deps.sh plot
	$here/page.py "$build"
	say "the report is build/bench/report.html"
}

case ${1:-} in
--report)
	report
	exit
	;;
--publish)
	report
	$here/page.py --publish "$build" Documentation/bench
	$here/page.py --brief Documentation/bench/report.{json,html}
	say 'the numbers, and a page of them, are in Documentation/bench'
	exit
	;;
esac

# What is to be measured, see above.
mapfile -t known < <(basename -s .sh $here/suites/*.sh; printf '%s\n' optical lower)
suites=()
[ $# -gt 0 ] || set -- ''
for word; do
	found=''
	for suite in "${known[@]}"; do
		[[ $suite != "$word"* ]] || { suites+=("$suite"); found=1; }
	done
	[ -n "$found" ] || die "no such suite: $word"
done

scripts/deps.sh build rust vm plot
kernel=$(scripts/kernel.sh build fast)
ko=$(scripts/module.sh fast)

# The version of the plugins' interface, see plugin/qemu.h.
plugin_version() {
	local qemu
	qemu=$(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')
	if version_ge "$qemu" 9.1; then
		echo 3
	elif version_ge "$qemu" 9.0; then
		echo 2
	else
		echo 1
	fi
}

# The kernel's functions that do nothing but copy, as arguments of the plugin.
copies() {
	LC_ALL=C sort "$kernel/System.map" | awk '
		$1 != last { if (last && copy) printf ",copy=%s-%s", last, $1; last = $1; copy = 0 }
		$3 ~ /^(memcpy|memmove|memcpy_orig|copy_page|copy_page_regs|rep_movs_alternative)$/ { copy = 1 }'
}

# The time that is left: of this guest as it went so far, of the others as this machine took
# for those before, of what they were thought to take.
thought_all=0 thought_done=0 took=0
# thought SUITE UNIT
thought() {
	local seconds
	read -ra seconds <<<"$(test_header "$here/suites/$1.sh" seconds '100 300')"
	[ "$2" = ops ] || seconds=("${seconds[1]}")
	echo $((seconds[0] * percent / 100 + 5))
}
# left SECONDS: with what comes after this guest, of which so many seconds are left.
left() {
	local rest=$((thought_all - thought_done))
	[ "$took" = 0 ] || rest=$((rest * took / (thought_done - thought_now)))
	elapsed $(($1 + rest))
}

# watch TITLE FILE: keep what a guest says in FILE, but show its progress.
watch() {
	local title=$1 line over all start=$SECONDS end='\n' this
	[ ! -t 2 ] || end='\r'
	while IFS= read -r line; do
		case $line in
		'P '*)
			read -r _ over all <<<"$line"
			this=$(((SECONDS - start) * (all - over) / over))
			printf '    %s: %d of %d, %s min, about %s left, %s with all others   %b' \
				"$title" "$over" "$all" "$(elapsed $((SECONDS - start)))" \
				"$(elapsed $this)" "$(left $this)" "$end" >&2
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done >"$2"
	[ ! -t 2 ] || printf '\n' >&2
}

# guest SUITE UNIT TITLE FILE VM-OPTION... -- ARGUMENT...
guest() {
	local title=$3 file=$4 start=$SECONDS
	thought_now=$(thought "$1" "$2")
	thought_done=$((thought_done + thought_now))
	shift 4
	say "$title"
	scripts/vm --no-load --timeout 3600 "$@" | watch "$title" "$file"
	took=$((took + SECONDS - start))
}

# cpus SUITE, units SUITE: see the head of this file.
cpus() { test_header "$here/suites/$1.sh" cpus 1; }
units() { test_header "$here/suites/$1.sh" units 'ops ms'; }

cargo build -q --release --locked -p rblk-bench
gcc -Wall -O2 -shared -fPIC "-DQEMU_PLUGIN_VERSION=$(plugin_version)" \
	-o "$build/count.so" $here/plugin/count.c
export RBLK_BENCH=$RBLK_TOP/target/release/rblk-bench

# Optical drives, which no other driver can write: the drives themselves tell.
optical() {
	local drives=() medium
	for medium in cdrw dvd-rw dvd+rw dvdram bd-re; do
		drives+=(--drive "$medium,blocks=32768")
	done
	RBLK_KO=${ko%/*}/rblk.ko scripts/vm --timeout 3600 "${drives[@]}" \
		-- $here/optical "${QUICK:+quick}" >"$build/optical.lines"
	$here/optical.py "$build"
}

# Other devices below, with the kernel's RAID: a kernel of Debian's, and our modules as they are installed.
lower() {
	local installed tree=$build/tree series=7.2
	installed=$(scripts/installed.sh modules)
	rm -rf "$tree"
	scripts/installed.sh tree "$installed" "$series" "$tree"
	RBLK_IN_TREE=$(find "$tree/modroot/" -path '*/kernel/drivers/block/nbd.ko*')
	export RBLK_IN_TREE
	scripts/vm --kernel "$tree" --no-load --mem 3072 --timeout 3600 -- $here/lower "${QUICK:+quick}" >"$build/lower.lines"
	$here/lower.py "$build"
}

count() {
	guest "$1" ops "$1: counting instructions" "$build/$1.counts" --cpus 1 --exact \
		--mem "$(test_header "$here/suites/$1.sh" mem 1024)" \
		--append nokaslr --append noreplace-smp \
		--qemu "-plugin $build/count.so,out=$build/$1.blocks$(copies)" \
		-- $here/guest "$1" "$counts" ops
}

measure() {
	local suite=$1 n turns
	turns=$((rounds * $(test_header "$here/suites/$suite.sh" rounds 100) / 100))
	[ "$turns" -ge 3 ] || turns=3
	for n in $(cpus "$suite"); do
		guest "$suite" ms "$suite: measuring throughput, processors: $n" "$build/part" \
			--cpus "$n" -- $here/guest "$suite" "$turns" ms "$ms"
		cat "$build/part" >>"$build/$suite.times"
	done
	rm "$build/part"
}

for suite in "${suites[@]}"; do
	[[ $suite != optical && $suite != lower ]] || continue
	for unit in $(units "$suite"); do
		[ "$unit" = ops ] && n=1 || n=$(cpus "$suite" | wc -w)
		thought_all=$((thought_all + n * $(thought "$suite" "$unit")))
	done
done
for suite in "${suites[@]}"; do
	if [ "$suite" = optical ]; then
		say 'optical: asking the drives'
		optical
		continue
	elif [ "$suite" = lower ]; then
		say 'lower: packet devices on a flash card and a RAID'
		lower
		continue
	fi
	RBLK_KO=${ko%/*}/$(test_header "$here/suites/$suite.sh" ours rblk).ko
	RBLK_IN_TREE=$(find "$kernel/modroot" \
		-name "$(test_header "$here/suites/$suite.sh" in-tree "$suite").ko")
	export RBLK_KO RBLK_IN_TREE
	rm -f "$build/$suite".{blocks,counts,times}
	for unit in $(units "$suite"); do
		if [ "$unit" = ops ]; then count "$suite"; else measure "$suite"; fi
	done
	$here/report.py "$suite" "$build" "$kernel"
done
report
