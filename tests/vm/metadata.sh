#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
#
# A module in Rust against headers as distributions lay them out that ship the Rust metadata: all in
# one directory, but for rust/, which is a link into a package of its own and has only metadata.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
PATH=$PATH:/usr/sbin:/sbin
scripts=$(realpath "$(dirname "$0")/../../scripts")
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
ktap_plan 6

tree=$("$scripts/kernel.sh" build fast)
headers=$dir/linux-headers
install() {
	(cd "$tree" && srctree=$(realpath source) SRCARCH=x86 CC=cc HOSTCC=cc \
		sh source/scripts/package/install-extmod-build "$headers") && cp "$tree/.config" "$headers/"
}
check "the kernel's own script lays out headers" install
mkdir -p "$dir/linux-lib-rust/rust" "$dir/module"
cp "$tree"/rust/*.rmeta "$tree"/rust/*.so "$dir/linux-lib-rust/rust/"

echo 'obj-m := greets.o' >"$dir/module/Kbuild"
cat >"$dir/module/greets.rs" <<'RS'
//! A module.
use kernel::prelude::*;

module! {
    type: Greets,
    name: "greets",
    authors: ["nobody"],
    description: "greets",
    license: "GPL",
}

struct Greets(KVec<u32>);

impl kernel::Module for Greets {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut greetings = KVec::new();
        greetings.push(1, GFP_KERNEL)?;
        pr_info!("{} greetings\n", greetings.len());
        Ok(Self(greetings))
    }
}
RS
build() { "$scripts/kernel.sh" make "$headers" -s M="$dir/module"; }
check_fails "no module is built without metadata" build
ln -s ../linux-lib-rust/rust "$headers/rust"
check "one is with it" build
check "it links to the kernel's Rust code" \
	bash -c "nm -u '$dir/module/greets.ko' | grep -qE ' _RN.*_6kernel'"
check_equal "for the same kernel" "$(cat "$tree/include/config/kernel.release")" \
	"$(modinfo -F vermagic "$dir/module/greets.ko" | cut -d ' ' -f 1)"
check_equal "and all it wants is there" '' \
	"$(nm -u "$dir/module/greets.ko" | awk 'NR == FNR { has[$2] = 1; next } !($2 in has)' "$tree/Module.symvers" -)"
ktap_finished
