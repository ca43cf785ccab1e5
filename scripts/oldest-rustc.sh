#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# oldest-rustc.sh: compile all of ours with the oldest rustc that it is for, and for the newest
# series of kernels (other checks have the pinned one): what goes into modules, and what runs on the
# host. The rustc is the machine's own, or one that its Debian has beside, unpacked
# into the cache. Ends with 77, and a line why, if there is none.
#
# Also fails if a remainder or a division can panic, or objtool warns: it does of functions that end
# in a panic which it does not know. Newer compilers see more often that there is none.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/apt-private.sh
. "$RBLK_TOP/scripts/apt-private.sh"
# shellcheck source=scripts/toolchain.sh
. "$RBLK_TOP/scripts/toolchain.sh"
cd "$RBLK_TOP"

root=$RBLK_CACHE/rustc-$RBLK_RUSTC_LEAST
out=$RBLK_TOP/build/oldest-rustc

is_oldest() { [[ $1 == "$RBLK_RUSTC_LEAST" || $1 == "$RBLK_RUSTC_LEAST".* ]]; }
# packages: PACKAGE=VERSION of all that a Debian rustc of that version consists of, if there is one.
# Debian has several versions of the one that it keeps for its browser.
packages() {
	local kind version
	for kind in '' -web; do
		version=$(apt-cache madison "rustc$kind" | awk '{ print $3 }' | while read -r v; do
			! is_oldest "${v%%+*}" || echo "$v"
		done | head -n 1)
		[ -n "$version" ] || continue
		printf "%s=$version\n" "rustc$kind" "libstd-rust$kind-dev" \
			"libstd-rust$kind-$RBLK_RUSTC_LEAST" "rust$kind-src"
		return
	done
}

unpack() {
	local list=$1 dir deb
	dir=$(mktemp -d "$RBLK_CACHE/deb.XXXXXX")
	# shellcheck disable=SC2086 # a list
	(cd "$dir" && apt-get download $list) || { rm -rf "$dir"; return 1; }
	mkdir "$dir/unpacked"
	for deb in "$dir"/*.deb; do
		dpkg -x "$deb" "$dir/unpacked" || { rm -rf "$dir"; return 1; }
	done
	# The compiler's own source, which is most of it.
	rm -rf "$dir"/unpacked/usr/src/rustc-*/{src,compiler}
	mkdir "$dir/unpacked/bin"
	for program in rustc rustdoc; do
		cat >"$dir/unpacked/bin/$program" <<-SH
			#!/bin/sh
			export LD_LIBRARY_PATH="$root/usr/lib/$(cd "$dir/unpacked/usr/lib" && echo ./*-linux-gnu)"
			exec "$root/usr/bin/$program" "\$@"
		SH
		chmod +x "$dir/unpacked/bin/$program"
	done
	mv "$dir/unpacked" "$root"
	rm -rf "$dir"
}

"$RBLK_TOP/scripts/deps.sh" build rust
if ! is_oldest "$(rustc_version)"; then
	if [ ! -e "$root" ]; then
		may_fetch "rustc $RBLK_RUSTC_LEAST"
		list=$(packages)
		if [ -z "$list" ] && [ "$(id -u)" = 0 ]; then
			apt-get update >/dev/null
			list=$(packages)
		fi
		if [ -z "$list" ]; then
			echo "rustc here is $(rustc_version), and Debian's is not $RBLK_RUSTC_LEAST either"
			exit 77
		fi
		locked oldest-rustc step "fetching rustc $RBLK_RUSTC_LEAST" 0 unpack "$list"
	fi
	export PATH=$root/bin:$PATH RUSTC=$root/bin/rustc
	RUST_LIB_SRC=$(echo "$root"/usr/src/rustc-*/library)
	export RUST_LIB_SRC
fi

kernel=prepared-7.3
[ -z "${LINUX_SRC:-}" ] || kernel=prepared
tree=$("$RBLK_TOP/scripts/kernel.sh" build "$kernel")
if [ "$(cat "$out/.kdir" 2>/dev/null)" != "$tree" ]; then
	rm -rf "$out"
	mkdir -p "$out"
	echo "$tree" >"$out/.kdir"
fi
objects=()
for file in drivers/*.rs rust/tests/rb_kunit.rs rust/tests/c_*.c rust/helpers/{helpers,cdrom,no_cdrom}.c \
	drivers/block/*/events.c; do
	objects+=("${file%.*}.o")
done
locked oldest-rustc "$RBLK_TOP/scripts/kernel.sh" make "$tree" --no-print-directory -s -j"$RBLK_JOBS" \
	M="$RBLK_TOP" MO="$out" "${objects[@]}" 2>&1 | tee "$out/log"

bad=0
! grep objtool "$out/log" || bad=1
while IFS= read -r file; do
	if nm -u "$file" | grep -qE 'panic_const_(div|rem)_by_zero'; then
		echo "${file#"$out/"}: a division or a remainder may panic"
		bad=1
	fi
done < <(find "$out" -path "$out/target" -prune -o -name '*.o' -print)

# Programs, without their tests: clippy sees there what is newer than rust-version.
CARGO_TARGET_DIR=$out/target cargo check -q --locked --workspace
exit "$bad"
