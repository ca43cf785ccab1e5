#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [SUITE...]: measure drivers of ours beside the kernel's that do the same
# job, in one guest each way: instructions per operation, counted by the emulator,
# and throughput. The suites are those of tests/bench/suites, and optical. Results are in
# build/bench/: SUITE.json, SUITE.txt (with functions). QUICK=1 measures for a
# shorter time.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

counts=5 rounds=30 ms=200
[ -z "${QUICK:-}" ] || counts=2 rounds=6 ms=100
build=$RBLK_TOP/build/bench
here=tests/bench
mkdir -p "$build"

scripts/deps.sh build rust vm
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

# watch TITLE FILE: keep what a guest says in FILE, but show its progress.
watch() {
	local title=$1 line over all start=$SECONDS end='\n'
	[ ! -t 2 ] || end='\r'
	while IFS= read -r line; do
		case $line in
		'P '*)
			read -r _ over all <<<"$line"
			printf '    %s: %d of %d, %s min, about %s left   %b' "$title" "$over" "$all" \
				"$(elapsed $((SECONDS - start)))" \
				"$(elapsed $(((SECONDS - start) * (all - over) / over)))" "$end" >&2
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done >"$2"
	[ ! -t 2 ] || printf '\n' >&2
}

# guest TITLE FILE VM-OPTION... -- ARGUMENT...
guest() {
	local title=$1 file=$2
	shift 2
	say "$title"
	scripts/vm --no-load --cpus 1 --timeout 3600 "$@" | watch "$title" "$file"
}

cargo build -q --release --locked --manifest-path $here/Cargo.toml
gcc -Wall -O2 -shared -fPIC "-DQEMU_PLUGIN_VERSION=$(plugin_version)" \
	-o "$build/count.so" $here/plugin/count.c
export RBLK_BENCH=$RBLK_TOP/$here/target/release/rblk-bench

# Optical drives, which no other driver can write: the drives themselves tell.
optical() {
	local drives=() medium
	for medium in cdrw dvd-rw dvd+rw dvdram bd-re; do
		drives+=(--drive "$medium,blocks=32768")
	done
	RBLK_KO=${ko%/*}/rblk.ko scripts/vm --timeout 3600 "${drives[@]}" \
		-- $here/optical "${QUICK:+4}" | tee "$build/optical.txt"
}

# shellcheck disable=SC2046 # a list
[ $# -gt 0 ] || set -- $(basename -s .sh $here/suites/*.sh) optical
for suite; do
	if [ "$suite" = optical ]; then
		say 'optical: asking the drives'
		optical
		continue
	fi
	suite_file=$here/suites/$suite.sh
	[ -e "$suite_file" ] || die "no such suite: $suite"
	RBLK_KO=${ko%/*}/$(test_header "$suite_file" ours rblk).ko
	RBLK_IN_TREE=$(find "$kernel/modroot" -name "$(test_header "$suite_file" in-tree "$suite").ko")
	export RBLK_KO RBLK_IN_TREE
	guest "$suite: counting instructions" "$build/$suite.counts" --exact --append nokaslr \
		--append noreplace-smp \
		--qemu "-plugin $build/count.so,out=$build/$suite.blocks$(copies)" \
		-- $here/guest "$suite" "$counts" ops
	guest "$suite: measuring throughput" "$build/$suite.times" \
		-- $here/guest "$suite" "$rounds" ms "$ms"
	$here/report.py "$suite" "$build" "$kernel/System.map"
done
