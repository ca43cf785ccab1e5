#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
#
# Kernel headers that modules can be built for, those that they cannot, and why: here of kernels that
# are made up of a configuration. The real source is only looked at for how it prints.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
scripts=$(realpath "$(dirname "$0")/../../scripts")
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
ktap_plan 57

unset RB_STATIC LINUX_SRC RUSTC BINDGEN RUST_LIB_SRC
tools=$dir/tools
mkdir -p "$tools" "$dir/sysroot/lib/rustlib/src/rust/library/core/src"
touch "$dir/sysroot/lib/rustlib/src/rust/library/core/src/lib.rs"

# rustc VERSION: the compiler is of that version from now on.
rustc() {
	cat >"$tools/rustc" <<-SH
		#!/bin/sh
		case \$1 in
		--version) echo 'rustc $1 (0123456 2026-01-01)' ;;
		-vV) echo 'LLVM version: 20.1.2' ;;
		--print) echo '$dir/sysroot' ;;
		*) exit 1 ;;
		esac
	SH
	printf '#!/bin/sh\necho "bindgen 0.71.1"\n' >"$tools/bindgen"
	chmod +x "$tools"/*
	export RUSTC=$tools/rustc BINDGEN=$tools/bindgen
}
# headers LINE...: such are the headers of a kernel 7.2.12 with these lines in its configuration.
headers() {
	rm -rf "$dir/headers"
	mkdir -p "$dir/headers/include/config" "$dir/headers/include/generated"
	echo 7.2.12-made-up >"$dir/headers/include/config/kernel.release"
	printf 'VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\n' >"$dir/headers/Makefile"
	printf '%s\n' CONFIG_X86_64=y "$@" >"$dir/headers/include/config/auto.conf"
	cp "$dir/headers/include/config/auto.conf" "$dir/headers/.config"
	touch "$dir/headers/Module.symvers" "$dir/headers/include/generated/rustc_cfg"
}
kdir() { "$scripts/rust-kdir.sh" "$@" 2>"$dir/said"; }
# status COMMAND...: prints with which it ends.
status() { "$@" >/dev/null; echo $?; }
said() { grep -qF "$*" "$dir/said"; }

# builds TITLE [--static] LINE...
builds() {
	local title=$1 way=()
	shift
	[ "$1" != --static ] || { way=(--static); shift; }
	headers "$@"
	check_equal "builds: $title" 0 "$(status kdir --refuse ${way[@]+"${way[@]}"} "$dir/headers")"
}
# refused TITLE WHY [--static] LINE...: by the status that tells it from a build that has failed.
refused() {
	local title=$1 why=$2 way=() got
	shift 2
	[ "$1" != --static ] || { way=(--static); shift; }
	headers "$@"
	got=$(status kdir --refuse ${way[@]+"${way[@]}"} "$dir/headers")
	check_equal "refused: $title" "77 $why" "$got $(sed -n "s/.*/&/; s/.*\($why\).*/\1/p" "$dir/said" | head -n 1)"
}

rustc 1.85.0
builds "a kernel without Rust, self-contained" --static CONFIG_CC_IS_GCC=y
builds "a kernel with Rust, self-contained" --static CONFIG_CC_IS_GCC=y CONFIG_RUST=y
builds "a kernel with Rust" CONFIG_RUST=y
refused "to link to Rust where there is none" 'CONFIG_RUST is not set' CONFIG_CC_IS_GCC=y
refused "structures at random" CONFIG_RANDSTRUCT --static CONFIG_RANDSTRUCT=y
refused "structures at random, by a plugin" CONFIG_RANDSTRUCT --static CONFIG_GCC_PLUGIN_RANDSTRUCT=y
refused "KASAN of gcc" 'CONFIG_KASAN of gcc' --static CONFIG_CC_IS_GCC=y CONFIG_KASAN=y
builds "KASAN of clang" --static CONFIG_CC_IS_CLANG=y CONFIG_KASAN=y
builds "KCSAN, which rustc has no part in" --static CONFIG_CC_IS_CLANG=y CONFIG_KCSAN=y
refused "LTO" CONFIG_LTO_CLANG --static CONFIG_CC_IS_CLANG=y CONFIG_LTO_CLANG=y CONFIG_LTO_CLANG_THIN=y
refused "CFI with C's own types" CONFIG_CFI_ICALL_NORMALIZE_INTEGERS --static CONFIG_CC_IS_CLANG=y CONFIG_CFI=y
builds "CFI with types that Rust has, too" --static CONFIG_CC_IS_CLANG=y CONFIG_CFI=y \
	CONFIG_CFI_ICALL_NORMALIZE_INTEGERS=y
refused "numbers of arguments in CFI" CONFIG_FINEIBT_BHI --static CONFIG_CC_IS_CLANG=y CONFIG_CFI=y \
	CONFIG_CFI_ICALL_NORMALIZE_INTEGERS=y CONFIG_FINEIBT_BHI=y
refused "FineIBT of an old rustc" 'rustc 1.88' --static CONFIG_CC_IS_CLANG=y CONFIG_CFI=y \
	CONFIG_CFI_ICALL_NORMALIZE_INTEGERS=y CONFIG_CFI_AUTO_DEFAULT=y
rustc 1.88.0
builds "FineIBT of a newer one" --static CONFIG_CC_IS_CLANG=y CONFIG_CFI=y \
	CONFIG_CFI_ICALL_NORMALIZE_INTEGERS=y CONFIG_CFI_AUTO_DEFAULT=y
refused "BTF by a pahole that takes Rust for C" pahole --static CONFIG_DEBUG_INFO_BTF_MODULES=y
builds "BTF" --static CONFIG_DEBUG_INFO_BTF_MODULES=y CONFIG_PAHOLE_HAS_LANG_EXCLUDE=y
refused "versions of Rust symbols that there are none of" CONFIG_GENDWARFKSYMS CONFIG_RUST=y CONFIG_MODVERSIONS=y
builds "versions of symbols, self-contained" --static CONFIG_RUST=y CONFIG_MODVERSIONS=y
headers CONFIG_RUST=y && sed -i /X86_64/d "$dir/headers/include/config/auto.conf"
check_equal "refused: another architecture" 77 "$(status kdir --refuse --static "$dir/headers")"
check_equal "refused: no headers" 77 "$(status kdir --refuse --static "$dir")"

# What has to be there to build.
headers CONFIG_RUST=y
RUSTC=$dir/none check_equal "no rustc" 77 "$(RUSTC=$dir/none status kdir --refuse --static "$dir/headers")"
check "and which it is" said "there is no $dir/none"
check_equal "no bindgen" 77 "$(BINDGEN=$dir/none status kdir --refuse --static "$dir/headers")"
check_equal "no source of the Rust library" 77 \
	"$(RUST_LIB_SRC=$dir/none status kdir --refuse --static "$dir/headers")"
check "and what to install" said rust-src

# A kernel source with next to nothing in it.
src=$dir/src
source_of() {
	rm -rf "$src"
	mkdir -p "$src"/{init,scripts,LICENSES/preferred,LICENSES/dual,drivers/base,drivers/android} \
		"$src"/rust/{bindings,helpers,uapi,kernel}
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = %s\n' "${1%%.*}" "$(cut -d . -f 2 <<<"$1")" "${1##*.}" \
		>"$src/Makefile"
	printf 'Valid-License-Identifier: %s\n' GPL-2.0 GPL-2.0-only >"$src/LICENSES/preferred/GPL-2.0"
	echo 'Valid-License-Identifier: MIT' >"$src/LICENSES/preferred/MIT"
	echo 'Valid-License-Identifier: MPL-1.1' >"$src/LICENSES/dual/MPL-1.1"
	echo '// SPDX-License-Identifier: GPL-2.0-only OR MIT' >"$src/rust/kernel/lib.rs"
	echo '#include <../../drivers/base/base.h>' >"$src/rust/bindings/bindings_helper.h"
	touch "$src"/{init/Kconfig,COPYING,drivers/base/base.h,drivers/android/a.h,drivers/android/a.c} \
		"$src"/scripts/{generate_rust_target.rs,rust_is_available_bindgen_libclang.h} \
		"$src"/rust/{helpers/helpers.c,uapi/lib.rs}
	echo "case \$1 in rustc) echo 1.85.0 ;; bindgen) echo 0.71.1 ;; esac" >"$src/scripts/min-tool-version.sh"
}
source_of 7.3.12
check_equal "parts of another series" 77 "$(status kdir --static "$dir/headers" "$src" "$dir/out")"
check "and which these are" said 'src of 7.3.12: another series'
source_of 7.2.11
check_equal "to link to Rust of another source" 77 "$(status kdir "$dir/headers" "$src" "$dir/out")"
check "and which these are" said 'src of 7.2.11'
source_of 7.2.12
headers CONFIG_RUST=y 'CONFIG_RUSTC_VERSION_TEXT=rustc 1.87.0 (0123456 2026-01-01)'
check_equal "to link to Rust of another rustc" 77 "$(status kdir "$dir/headers" "$src" "$dir/out")"
check "and which these are" said "built with 'rustc 1.87.0 (0123456 2026-01-01)', here is 'rustc 1.88.0"
rustc 1.84.1
check_equal "a rustc that is too old" 77 "$(status kdir --static "$dir/headers" "$src" "$dir/out")"
check "and which would do" said 'rustc 1.84.1 is older than 1.85.0'
rustc 1.88.0
headers CONFIG_KUNIT=y
check_equal "a source that prints otherwise" 1 "$(status kdir --static "$dir/headers" "$src" "$dir/out")"
check "and what is not known of it" said 'this script does not know that source'
# In Linux 7.3 one of them wants a symbol that modules may not have, and no module was built.
check_equal "the kernel's own tests of its Rust code are no part of modules" '--cfg=CONFIG_KUNIT --cfg=CONFIG_KUNIT="m"' \
	"$(grep KUNIT "$dir/out/build/include/generated/rustc_cfg" | paste -sd ' ')"

# What is packed of it.
check "parts are packed" "$scripts/rust-parts.sh" "$src" "$dir/a.tar.xz"
mkdir "$dir/linux-7.2.12" && cp -a "$src"/. "$dir/linux-7.2.12"
tar -C "$dir" -cJf "$dir/linux.tar.xz" linux-7.2.12
check "out of a tarball, too" "$scripts/rust-parts.sh" "$dir/linux.tar.xz" "$dir/b.tar.xz"
check "which are the same" cmp "$dir/a.tar.xz" "$dir/b.tar.xz"
check_equal "the licences that are named, headers, no C" \
	'LICENSES/preferred/GPL-2.0 LICENSES/preferred/MIT drivers/android/a.h' \
	"$(tar -tf "$dir/a.tar.xz" | sed -n 's/^linux-rust-7\.2\.12\///p' | grep -E '^LICENSES/.*/.|android/.' | paste -sd ' ')"
echo '// SPDX-License-Identifier: Beerware' >>"$src/rust/uapi/lib.rs"
check_fails "none without its licence" "$scripts/rust-parts.sh" "$src" "$dir/c.tar.xz"
echo '#include "../../drivers/net/other.h"' >>"$src/rust/uapi/uapi_helper.h"
check_fails "nor without a header" "$scripts/rust-parts.sh" --unpack "$src" "$dir/unpacked"

# Printing in the real source: the kernel's `core` is never handed our arguments.
real=$("$scripts/kernel.sh" src)
mkdir -p "$dir/real/rust"
cp -a "$real/rust/kernel" "$dir/real/rust/"
cp -a "$dir/real" "$dir/other"
check "the kernel's source is known" "$scripts/rust-print.py" "$dir/real"
check_equal "nothing prints with %pA" '' "$(grep -rnE '^[^/]*%pA|rust_fmt_argument' "$dir/real/rust" --include='*.rs')"
check_fails "what was changed is not changed again" "$scripts/rust-print.py" "$dir/real"
# shellcheck disable=SC2016 # no expansion
echo 'pub fn more(x: fmt::Arguments<'"'"'_>) { say(c"%pA", &x) }' >>"$dir/other/rust/kernel/kunit.rs"
check_fails "a place that is not known" "$scripts/rust-print.py" "$dir/other"

# What `make KDIR=` does: builds, or says why not. The makefile only tells what it was asked for.
module() { RUSTC=$tools/rustc MO=$dir/mo "$scripts/module.sh" "$dir/headers" 2>"$dir/said"; }
with_rust() {
	headers CONFIG_RUST=y "CONFIG_RUSTC_VERSION_TEXT=$("$tools/rustc" --version)"
	# shellcheck disable=SC2016 # for make
	printf '%s:\n\t@echo "RB_STATIC=$(RB_STATIC)" >$(MO)/asked\n' modules >>"$dir/headers/Makefile"
}
with_rust
mkdir -p "$dir/lib-rust/rust" "$dir/headers/scripts"
touch "$dir/lib-rust/rust/libkernel.rmeta" "$dir/headers/scripts/target.json"
ln -s ../lib-rust/rust "$dir/headers/rust"
check "headers with Rust metadata build as they are" module
check_equal "by linking to the kernel's Rust code" RB_STATIC= "$(cat "$dir/mo/asked")"
rustc 1.90.0
check_fails "RB_STATIC=n with another rustc" env RB_STATIC=n bash -c "$(declare -f module); dir=$dir tools=$tools scripts=$scripts; module"
check "and which these are" said "built with 'rustc 1.88.0"
headers CONFIG_CC_IS_GCC=y
check_fails "RB_STATIC=n without Rust in the kernel" env RB_STATIC=n bash -c "$(declare -f module); dir=$dir tools=$tools scripts=$scripts; module"
check "and why" said 'without CONFIG_RUST'

# Whether a module wants Rust of the kernel is seen by its symbols.
cat >"$dir/a.c" <<'C'
extern int _RNvCs1_4core3abc(void), printk(void);
int x(void) { return _RNvCs1_4core3abc() + printk(); }
C
sed 's/_RNvCs1_4core3abc/rust_helper_get_current/' "$dir/a.c" >"$dir/b.c"
sed 's/_RNvCs1_4core3abc/kfree/' "$dir/a.c" >"$dir/c.c"
echo 'int printk(const char *, ...); int y(void *p) { return printk("%pA", p); }' >"$dir/d.c"
for f in a b c d; do "${CC:-gcc}" -w -c -o "$dir/$f.o" "$dir/$f.c"; done
check_fails "a symbol of Rust is found" "$scripts/self-contained.sh" "$dir/a.o"
check_fails "a helper for it as well" "$scripts/self-contained.sh" "$dir/c.o" "$dir/b.o"
check_fails "or a text that its core would print" "$scripts/self-contained.sh" "$dir/d.o"
check "C's are nobody's matter" "$scripts/self-contained.sh" "$dir/c.o"
ktap_finished
