#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# snippets.sh [DIR]           the compiler refuses each file in DIR (rust/tests/compile_fail) as a
#                             crate over the safe layer, for no other reason than the one that its
#                             line `//! error: CODE WORDS` has
#
# The command is that of the module with the tests of the layer, as clippy runs it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

dir=$(realpath "${1:-rust/tests/compile_fail}")
# As check.sh builds it, or it would be built anew.
out=$(MO=$RBLK_TOP/build/clippy scripts/module.sh fast CLIPPY=1 KRUSTFLAGS=-Dwarnings)
out=${out%/*}

# Without what it writes; the source comes last.
saved=$(sed -n '1s/^savedcmd_[^ ]* := //p' "$out/rust/tests/.rb_kunit.o.cmd")
command=$(sed -E 's/ --(emit|out-dir)[= ][^ ]+//g; s/ -Dwarnings//; s/ [^ ]*rb_kunit[.]rs *$//' \
	<<<"$saved")
[[ $saved == *rb_kunit.rs* && $command != *rb_kunit.rs ]] || die "no command for rb_kunit.rs"

# compile FILE [ARGUMENTS]: says what the compiler says. What it writes takes the place of what has
# that name: not /dev/null.
compile() {
	(cd "$out" && RUSTC_BOOTSTRAP=1 RB_OBJ=$out sh -c \
		"$command --emit=metadata=snippet.rmeta ${*:2} \"\$1\"" sh "$1" 2>&1)
}

bad=0
for file in "$dir"/*.rs; do
	read -r code words <<<"$(sed -n 's|^//! error: ||p' "$file")"
	said=$(compile "$file" --error-format=short) && said=
	errors=$(grep -E ': error(\[|:)' <<<"$said" || :)
	others=$(grep -vF "error[$code]" <<<"$errors" || :)
	if [ -z "$words" ] || [ -n "$others" ] || [[ $errors != *"$words"* ]]; then
		printf '%s: not refused with %s %s:\n%s\n' \
			"${file##*/}" "$code" "$words" "${said:-it compiles}"
		bad=1
	fi
done
exit "$bad"
