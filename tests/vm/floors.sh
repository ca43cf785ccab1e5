#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
#
# What scripts/floors.py takes for an import, and what it refuses.

# shellcheck disable=SC2016 # code of the fixtures
# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
ktap_plan 24
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
driver=$dir/drivers/block/toy

# A driver with two floors, which is as it should be.
toy() {
	rm -rf "${dir:?}"/*
	mkdir -p "$driver/disk"
	printf '%s\n' '//! A toy.' '//!' '//! Floors, lowest first: [`logic`],' '//! [`disk`].' '' \
		'mod disk;' 'mod logic;' 'pub(crate) use common::refuse;' \
		'use crate::disk::Disk;' 'pub(crate) struct Config(Disk);' >"$driver/toy.rs"
	printf '%s\n' 'mod front;' 'mod store;' 'pub(crate) use front::Disk;' >"$driver/disk.rs"
	printf '%s\n' 'use super::store::Store;' 'use crate::{' '    logic::{self, Size}, refuse,' '};' \
		"pub(crate) struct Disk(Store, Size, logic::Size);" "fn f<'a>(_: &'a char) -> char { '{' }" \
		>"$driver/disk/front.rs"
	printf '%s\n' '// use super::front::Disk;' 'pub(super) struct Store;' \
		'const TEXT: &str = "crate::disk::Disk";' >"$driver/disk/store.rs"
	echo 'pub(crate) struct Size;' >"$driver/logic.rs"
}
# add FILE LINE...
add() { printf '%s\n' "${@:2}" >>"$driver/$1"; }
# says WORDS: that and no other file is complained of.
says() {
	local out
	out=$("$top/scripts/floors.py" "$dir") && return 1
	echo "$out"
	grep -qF -- "$1" <<<"$out"
}

toy
check "what is right passes" "$top/scripts/floors.py" "$dir"
check_equal "imports are listed by the file that defines the name" \
	"disk/front.rs:1 store.rs, disk/front.rs:3 logic.rs, disk/front.rs:5 logic.rs, toy.rs:9 front.rs" \
	"$("$top/scripts/floors.py" --list "$dir" |
		sed -E 's|^drivers/block/toy/([^ ]*): imports [^ ]*/(.*rs):.*|\1 \2|' | paste -sd, | sed 's/,/, /g')"

add disk/store.rs 'use super::front::Disk;'
check "two files that import each other are refused" says '2 files import each other in a circle'
check "with the lines" says 'drivers/block/toy/disk/store.rs:4: imports drivers/block/toy/disk/front.rs: use super'
toy
add disk/store.rs 'use super::Disk;'
check "so are they through a re-export" says 'circle'
toy
add disk/store.rs 'fn f() { let _ = crate::disk::front::Disk; }'
check "a path in code" says 'circle'
toy
add disk/store.rs 'macro_rules! disk { () => { $crate::disk::Disk }; }'
check "a macro" says 'circle'
toy
add disk/store.rs 'mod inner { use super::super::*; struct Use(Disk); }'
check "and all that a module has" says 'circle'
toy
add disk.rs 'pub(crate) const SIZE: u32 = 1;'
add disk/store.rs 'use super::SIZE;'
check "a parent may define what a child uses" "$top/scripts/floors.py" "$dir"
add disk.rs 'fn f(_: Disk) {}'
add disk/front.rs 'use super::SIZE;'
check "unless it uses what that child has" says 'circle'
toy
add disk/store.rs 'impl Store { pub(super) fn size(&self) { self.grow() } }'
add disk/front.rs 'impl Store { fn grow(&self) {} }'
check "so is one whose type has methods in a file above that it calls" \
	says 'store.rs:4: imports drivers/block/toy/disk/front.rs: impl Store'

toy
add logic.rs 'use crate::disk::Disk;'
check "an import of a higher floor is refused" \
	says 'drivers/block/toy/logic.rs:2: imports drivers/block/toy/disk/front.rs: use crate::disk::Disk;'
toy
add logic.rs 'use crate::Config;'
check "also one of the root" says 'logic.rs:2: imports drivers/block/toy/toy.rs'

toy
add toy.rs 'mod sleep;'
add sleep.rs '// Nothing.'
check "a module on no floor is refused" says 'toy.rs: the module sleep is on 0 floors'
toy
sed -i '3s/.*/\/\/! Floors, lowest first: [`logic`], [`session`],/' "$driver/toy.rs"
check "a floor without a module" says 'toy.rs: the floor session is no module'
toy
sed -i '3s/.*/\/\/! Floors, lowest first: [`logic`], [`disk`],/' "$driver/toy.rs"
check "a module on two floors" says 'toy.rs: the module disk is on 2 floors'
toy
add disk/forgotten.rs '// Nothing.'
check "a file that is no module" says 'disk/forgotten.rs: no crate root reaches it'
toy
sed -i 3,4d "$driver/toy.rs"
check "a driver without floors" says 'toy.rs: declares no floors'
toy
sed -i '3s/first:/first,/' "$driver/toy.rs"
check "and floors that cannot be read" says 'toy.rs: declares no floors'

toy
touch "$driver"/{events.c,events.h,a.rs,b.rs,c.rs}
sed -i '3s/.*/\/\/! Floors, lowest first: `a`, `b`, `c`, [`logic`],/' "$driver/toy.rs"
add toy.rs 'mod a;' 'mod b;' 'mod c;'
check "seven things are few enough" "$top/scripts/floors.py" "$dir"
touch "$driver/more.txt"
check "eight are too many" says 'drivers/block/toy: opens onto 8 things: a b c disk events logic more toy'

# Crates of packages, and files that crates share.
rm -rf "${dir:?}"/*
mkdir -p "$dir/tool/src" "$dir/drivers/block/toy/logic"
printf '%s\n' '[[bin]]' 'path = "src/other.rs"' >"$dir/tool/Cargo.toml"
printf '%s\n' 'mod a;' '#[path = "../../drivers/block/toy"]' 'mod toy {' '    pub mod logic;' '}' \
	>"$dir/tool/src/other.rs"
echo 'use crate::toy::logic::size::Size;' >"$dir/tool/src/a.rs"
printf '%s\n' 'pub mod size;' >"$driver/logic.rs"
printf '%s\n' 'pub struct Size;' >"$driver/logic/size.rs"
check "other crates need no floors" "$top/scripts/floors.py" "$dir"
check_equal "and may take files of a driver" "drivers/block/toy/logic/size.rs:" \
	"$("$top/scripts/floors.py" --list "$dir" | cut -d' ' -f3)"
echo 'use crate::a::X;' >>"$driver/logic/size.rs"
check "but no circle there, either" says 'circle'
ktap_finished
