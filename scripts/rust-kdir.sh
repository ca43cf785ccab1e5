#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rust-kdir.sh [--static] HEADERS PARTS OUT
#
# Makes a build directory for Rust modules, OUT/build, of a distribution's kernel
# headers, which have everything but the Rust parts, and of PARTS, which have
# them: a kernel source tree, a linux-source tarball, or what rust-parts.sh has
# packed. Prints OUT/build. Nothing in HEADERS or PARTS changes.
#
# Without --static, modules link to the Rust code in the kernel. PARTS must be the
# source of that very kernel, and RUSTC the very compiler.
# With --static, modules bring all Rust code along, whatever the kernel has of
# it. PARTS must be of the same series, and any RUSTC will do that it knows.
#
# rust-kdir.sh --refuse [--static] HEADERS: say why no module can be built, if so.
# Nothing is made.
#
# The exit status is 77 if these headers, parts or tools will not do, 1 if the build
# has failed.
#
# RUSTC, BINDGEN, RUST_LIB_SRC: the compiler, bindgen, the source of the Rust library.
# RBLK_JOBS: how many processes at once.
set -euo pipefail

export LC_ALL=C
here=$(dirname "$(realpath "$0")")
die() { echo "rust-kdir: $*" >&2; exit 1; }
decline() { echo "rust-kdir: $*" >&2; exit 77; }
usage() { sed -n '3,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }

way=kernel refuse=
while [ "${1#--}" != "${1:-}" ]; do
	case $1 in
	--static) way=static ;;
	--refuse) refuse=1 ;;
	*) usage ;;
	esac
	shift
done
[ $# = "$([ -n "$refuse" ] && echo 1 || echo 3)" ] || usage
headers=$(realpath "$1")
export RUSTC=${RUSTC:-rustc} BINDGEN=${BINDGEN:-bindgen}
unset RUSTFLAGS

auto=$headers/include/config/auto.conf
[ -r "$auto" ] || decline "$1: no kernel headers (include/config/auto.conf is missing)"

# config NAME: its value in the headers, nothing if it is not set.
config() { sed -n "s/^CONFIG_$1=//p" "$auto"; }
has() { grep -q "^CONFIG_$1=y" "$auto"; }

# number VERSION: 1.85.1 becomes 108501, as CONFIG_RUSTC_VERSION.
number() {
	local a b c
	IFS=. read -r a b c <<<"$1"
	c=${c:-0}
	echo $((a * 100000 + b * 100 + ${c%%[!0-9]*}))
}
rustc_version() { "$RUSTC" --version | sed -n 's/^rustc \([0-9.]*\).*/\1/p'; }

# Why no module can be built for these headers: what `config RUST` depends on, of
# which a kernel that was built without it need know nothing.
reasons() {
	local version=$1
	has X86_64 || echo "only x86-64 is supported"
	! has RANDSTRUCT && ! has GCC_PLUGIN_RANDSTRUCT ||
		echo "CONFIG_RANDSTRUCT: members of structures are at places that bindgen cannot know"
	has CC_IS_CLANG || ! has KASAN ||
		echo "CONFIG_KASAN of gcc: the instrumentation of rustc is that of clang"
	! has LTO_CLANG ||
		echo "CONFIG_LTO_CLANG: objects are bitcode of the kernel's own clang"
	if has CFI || has CFI_CLANG; then
		has CFI_ICALL_NORMALIZE_INTEGERS ||
			echo "CONFIG_CFI without CONFIG_CFI_ICALL_NORMALIZE_INTEGERS:" \
				"C and Rust do not agree on the types of functions"
		! has FINEIBT_BHI ||
			echo "CONFIG_FINEIBT_BHI: rustc does not tell how many arguments a function has"
		! has CFI_AUTO_DEFAULT || [ "$version" -ge 108800 ] ||
			echo "CONFIG_CFI_AUTO_DEFAULT: wants rustc 1.88 or newer"
	fi
	! has DEBUG_INFO_BTF_MODULES || has PAHOLE_HAS_LANG_EXCLUDE ||
		echo "CONFIG_DEBUG_INFO_BTF_MODULES: pahole cannot leave out what is of Rust"
	if [ "$way" = kernel ]; then
		has RUST || echo "CONFIG_RUST is not set: the kernel has no Rust code to link to"
		! has MODVERSIONS || has GENDWARFKSYMS ||
			echo "CONFIG_MODVERSIONS without CONFIG_GENDWARFKSYMS: Rust symbols have no versions"
	fi
}

for tool in "$RUSTC" "$BINDGEN" python3; do
	command -v "$tool" >/dev/null || decline "there is no $tool here: install it"
done
version=$(rustc_version)
why=$(reasons "$(number "$version")")
if [ -n "$why" ]; then
	while read -r line; do
		echo "rust-kdir: $headers: $line" >&2
	done <<<"$why"
	exit 77
fi
export RUST_LIB_SRC=${RUST_LIB_SRC:-$("$RUSTC" --print sysroot)/lib/rustlib/src/rust/library}
[ -e "$RUST_LIB_SRC/core/src/lib.rs" ] || decline "no source of the Rust library: install rust-src"
[ -z "$refuse" ] || exit 0

parts=$(realpath "$2")
mkdir -p "$3"
out=$(realpath "$3")
src=$out/src obj=$out/build

# makefile_version FILE: what the kernel's Makefile says it is the version of.
makefile_version() {
	sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$1" | head -n 3 | paste -sd .
}

# The directory with what all flavours of a kernel share: where the Makefile leads.
common=$(sed -n 's,^include \(/.*\)/Makefile$,\1,p' "$headers/Makefile" | tail -n 1)
common=${common:-$headers}
release=$(makefile_version "$common/Makefile")

# What is there already must be of the same things.
id=$({
	echo "$way $headers $release $parts"
	"$RUSTC" -vV
	"$BINDGEN" --version
	cat "$headers/include/config/auto.conf" "$headers/Module.symvers" "$here"/rust-{kdir,parts}.sh "$here/rust-print.py"
	stat -c '%s %Y' "$parts" "$parts/Makefile" 2>/dev/null || :
} | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$out/.complete" 2>/dev/null)" = "$id" ]; then
	echo "$obj"
	exit
fi
rm -rf "$out"/{src,build,prepare,.complete}

"$here/rust-parts.sh" --unpack "$parts" "$src"
got=$(makefile_version "$src/Makefile")
if [ "$way" = static ]; then
	[ "${got%.*}" = "${release%.*}" ] || decline "$headers is of Linux $release, $parts of $got: another series"
else
	[ "$got" = "$release" ] || decline "$headers is of Linux $release, $parts of $got"
	[ "$(config RUSTC_VERSION_TEXT)" = "$("$RUSTC" --version)" ] ||
		decline "the kernel was built with '$(config RUSTC_VERSION_TEXT)', here is '$("$RUSTC" --version)'"
fi
for tool in rustc bindgen; do
	case $tool in
	rustc) have=$version ;;
	bindgen) have=$("$BINDGEN" --version | cut -d ' ' -f 2) ;;
	esac
	least=$(SRCARCH=x86 sh "$src/scripts/min-tool-version.sh" "$tool")
	[ "$(number "$have")" -ge "$(number "$least")" ] ||
		decline "$tool $have is older than $least, which Linux $got wants"
done

# as_cfg: CONFIG_X=y becomes what rustc is told, as Kconfig writes it into rustc_cfg.
as_cfg() {
	sed -nE 's/^(CONFIG_[A-Za-z0-9_]+)=(y|m)$/--cfg=\1\n--cfg=\1="\2"/p; t
		s/^(CONFIG_[A-Za-z0-9_]+)=(.*)$/--cfg=\1="\2"/p'
}

# same_symbols: the symbols of what was made are those that the kernel exports. Without
# CONFIG_MODVERSIONS nothing else would notice another source.
same_symbols() {
	local differ
	differ=$(comm -3 <(awk '$2 ~ /^_R/ && $3 == "vmlinux" { print $2 }' "$headers/Module.symvers" | sort) \
		<(nm -p --defined-only "$obj"/rust/{core,bindings,kernel}.o |
			awk '$2 ~ /^[TRDB]$/ && $3 ~ /^_R/ { print $3 }' | sort -u) | wc -l)
	[ "$differ" = 0 ] || die "$differ symbols differ from those of the kernel: $parts is not its source," \
		"or rustc not its compiler"
}

# links FROM TO NAME...: TO gets a link to each entry of FROM, but for these names
# and what it has.
links() {
	local from=$1 to=$2 entry name list=()
	shift 2
	mkdir -p "$to"
	for entry in "$from"/* "$from"/.config "$from"/.kernelvariables; do
		name=${entry##*/}
		case " $* " in *" $name "*) continue ;; esac
		[ -e "$to/$name" ] || [ ! -e "$entry" ] || list+=("$entry")
	done
	[ ${#list[@]} = 0 ] || ln -s -t "$to" "${list[@]}"
}
# The Makefile is that of the headers: distributions change it. The bindings' <../../drivers/...> are
# found through include/uapi, which therefore is no link.
rm "$src/Makefile"
links "$common" "$src" rust drivers scripts include init
links "$common/scripts" "$src/scripts"
links "$common/include" "$src/include" uapi config generated
links "$common/include/uapi" "$src/include/uapi"
links "$headers" "$obj" Makefile rust scripts include source
links "$headers/scripts" "$obj/scripts" generate_rust_target target.json
links "$headers/include" "$obj/include" config generated
links "$headers/include/generated" "$obj/include/generated" rustc_cfg
mkdir "$obj/include/config"
cp "$headers/include/config/kernel.release" "$obj/include/config/"
mkdir -p "$obj"/rust/{bindings,helpers,host,kernel,uapi} "$out/prepare"
{
	[ "$way" = kernel ] || echo 'export RB_STATIC := y'
	printf 'export KBUILD_OUTPUT := %s\ninclude %s/Makefile\n' "$obj" "$src"
} >"$obj/Makefile"

# The configuration as rustc and the makefiles see it; C sees the headers'.
# With --static it is what Kconfig would say of this rustc.
rust_config() {
	local option least llvm major minor patch
	llvm=$("$RUSTC" -vV | sed -n 's/^LLVM version: //p')
	IFS=. read -r major minor patch <<<"$llvm"
	echo "RUST=y"
	# What Kconfig has for a default, where it was not asked.
	has RUST || echo "RUST_OVERFLOW_CHECKS=y"
	echo "RUSTC_VERSION=$(number "$version")"
	echo "RUSTC_VERSION_TEXT=$("$RUSTC" --version)"
	echo "RUSTC_LLVM_VERSION=$((major * 10000 + minor * 100 + patch))"
	echo "RUSTC_LLVM_MAJOR_VERSION=$major"
	sed -n '/^config RUSTC_HAS_/{s/^config //;N;s/\n[[:space:]]*/ /;p}' "$src/init/Kconfig" |
		while read -r option line; do
			least=${line#def_bool RUSTC_VERSION >= }
			[[ $least =~ ^[0-9]+$ ]] || die "$src/init/Kconfig: $option: not a version of rustc"
			[ "$(number "$version")" -lt "$least" ] || echo "$option=y"
		done
}
if [ "$way" = kernel ]; then
	cp "$headers/include/config/auto.conf" "$obj/include/config/"
	cp "$headers/include/generated/rustc_cfg" "$obj/include/generated/"
else
	# What the kernel's clang would compile is no part of ours.
	not_ours='(RUST|RUSTC_(VERSION|VERSION_TEXT|LLVM_VERSION|LLVM_MAJOR_VERSION|HAS_[A-Z_]*)|RUST_INLINE_HELPERS)'
	{
		grep -vE "^CONFIG_$not_ours=" "$auto"
		rust_config | sed 's/^/CONFIG_/'
	} >"$obj/include/config/auto.conf"
	# Nor are the tests of the kernel's own Rust code: #[kunit_tests] leaves them out where KUnit is a
	# module. Those that no option of theirs turns off would be in each module, and run in it.
	as_cfg <"$obj/include/config/auto.conf" >"$obj/include/generated/rustc_cfg.ours"
	sed 's/^--cfg=CONFIG_KUNIT="y"$/--cfg=CONFIG_KUNIT="m"/' "$obj/include/generated/rustc_cfg.ours" \
		>"$obj/include/generated/rustc_cfg"
	"$here/rust-print.py" "$src"
fi

# Macros of some milliseconds are not worth the half minute of optimizing what they are made of.
sed -i '/cmd_rustc_procmacrolibrary = /,/^$/s/ -O / /' "$src/rust/Makefile"

"$RUSTC" --edition=2021 -o "$obj/scripts/generate_rust_target" "$src/scripts/generate_rust_target.rs"
(cd "$obj" && scripts/generate_rust_target <include/config/auto.conf >scripts/target.json)

# Kbuild makes rust/kernel.o and all it is made of, as for the kernel itself; the
# rule that says so is that of a module with nothing in it.
cat >"$out/prepare/Kbuild" <<'END'
always-y := rust.stamp
# Whether the kernel's code could be written better is not for us to say.
rb_rustflags-y = $(filter-out -Cembed-bitcode=n -Clto=n,$(KBUILD_RUSTFLAGS)) --cap-lints=allow --emit=link --out-dir=$(objtree)/rust
rb_make-y = part-of-module=y skip_gendwarfksyms=1 KBUILD_RUSTFLAGS='$(rb_rustflags-y)'
$(obj)/rust.stamp: FORCE
	+$(Q)$(MAKE) KBUILD_EXTMOD= srcroot=$(srctree) VPATH=$(srctree) $(rb_make-$(RB_STATIC)) \
		-C $(objtree) -f $(srctree)/scripts/Makefile.build obj=rust rust/kernel.o
END
make -C "$obj" --no-print-directory -s -j"${RBLK_JOBS:-$(nproc)}" M="$out/prepare" RUSTC="$RUSTC" \
	BINDGEN="$BINDGEN" >&2 || die "the kernel's Rust code does not build"
if [ "$way" = kernel ]; then
	same_symbols
else
	mv "$obj/include/generated/rustc_cfg.ours" "$obj/include/generated/rustc_cfg"
fi
# What no module is built with: objects, and the libraries that macros were built of.
find "$obj/rust" \( -name '*.o' -o -name 'libsyn.*' -o -name 'libquote.*' -o -name 'libproc_macro2.*' \) -delete
echo "$id" >"$out/.complete"
echo "$obj"
