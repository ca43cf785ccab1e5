# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The compilers' surroundings that a kernel with Rust wants: bindgen, libclang,
# and the Rust library source of the very rustc in use.

RBLK_RUSTC_LEAST=1.85
RBLK_BINDGEN=0.72.1
RBLK_LLVM=${RBLK_LLVM:-19}
_bindgen_root=$RBLK_CACHE/bindgen-$RBLK_BINDGEN

rustc_version() { rustc --version | awk '{ print $2 }'; }

_have_bindgen() {
	command -v bindgen >/dev/null &&
		version_ge "$(bindgen --version | awk '{ print $2 }')" 0.71.1
}

_make_bindgen() {
	_have_bindgen || may_fetch bindgen
	_have_bindgen || step "building bindgen $RBLK_BINDGEN" 150 cargo install --locked \
		--root "$_bindgen_root" --version "$RBLK_BINDGEN" bindgen-cli
}

# The Rust library source: rustup's component, a distribution's package, or the
# package of the same version from backports.
_rust_src_found() {
	local version=$1 dir
	for dir in "${RUST_LIB_SRC:-}" \
		"$(rustc --print sysroot)/lib/rustlib/src/rust/library" \
		"/usr/src/rustc-$version/library" \
		"$RBLK_CACHE/rust-src-$version/usr/src/rustc-$version/library"; do
		if [ -n "$dir" ] && [ -e "$dir/core/src/lib.rs" ]; then
			printf '%s\n' "$dir"
			return
		fi
	done
	return 1
}

_make_rust_src() {
	local version=$1 package
	! _rust_src_found "$version" >/dev/null || return 0
	apt_private_update
	package=$(apt_private_versions rust-src | grep -F -m 1 "$version+") ||
		die "backports have no rust-src $version for the rustc in use:" \
			"add its rust-src (rustup component add rust-src) or set RUST_LIB_SRC="
	apt_private_unpack "rust-src=$package" "$RBLK_CACHE/rust-src-$version"
}

# toolchain: find or make everything, and export what Kbuild wants to know.
toolchain() {
	local version
	export LIBCLANG_PATH=${LIBCLANG_PATH:-/usr/lib/llvm-$RBLK_LLVM/lib}
	PATH=$_bindgen_root/bin:$PATH
	command -v rustc >/dev/null || die "no rustc: run scripts/deps.sh"
	version=$(rustc_version)
	version_ge "$version" "$RBLK_RUSTC_LEAST" || die "rustc $version is older than $RBLK_RUSTC_LEAST"
	_have_bindgen || locked bindgen _make_bindgen
	_rust_src_found "$version" >/dev/null || locked rust-src _make_rust_src "$version"
	RUST_LIB_SRC=$(_rust_src_found "$version") || die "no Rust library source for $version"
	export PATH RUST_LIB_SRC
}

# toolchain_id: everything whose change asks for another kernel build.
toolchain_id() {
	rustc -vV
	bindgen --version
	"$@" --version | head -n 1
}
