#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh: everything about the sources that needs no guest. All checks run;
# the exit status says whether one of them failed.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP" || exit

"$RBLK_TOP/scripts/deps.sh" build rust check || exit
src=$(scripts/kernel.sh src) || exit

failed=()
# run TITLE COMMAND...: a command that cannot be run here ends with 77, and says why.
run() {
	local title=$1 output ret=0
	shift
	output=$("$@" 2>&1) || ret=$?
	if [ "$ret" = 0 ]; then
		printf 'ok      %s\n' "$title"
	elif [ "$ret" = 77 ]; then
		printf 'skipped %s: %s\n' "$title" "$(tail -n 1 <<<"$output")"
	else
		printf 'FAILED  %s\n' "$title"
		tail -n 80 <<<"$output"
		failed+=("$title")
	fi
}

# What belongs to the project: tracked, or new and not ignored.
files() { git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while read -r f; do
	[ ! -f "$f" ] || echo "$f"
done; }

rust_format() {
	local list
	mapfile -t list < <(files '*.rs')
	rustfmt --edition 2021 --check "${list[@]}"
}

# The kernel's lints, over everything that goes into the module.
clippy() {
	MO=$RBLK_TOP/build/clippy scripts/module.sh fast CLIPPY=1 KRUSTFLAGS=-Dwarnings
}

host_clippy() {
	cargo clippy -q --locked --workspace --all-targets -- -D warnings
}

documentation() {
	scripts/module.sh fast DOC=y
}

c_style() {
	local list
	mapfile -t list < <(files '*.c' '*.h')
	[ ${#list[@]} -gt 0 ] || return 0
	"$src/scripts/checkpatch.pl" --no-tree --terse --no-summary --strict -f "${list[@]}"
}

shell_scripts() {
	local list
	mapfile -t list < <(files | while read -r f; do
		head -c 64 "$f" | head -n 1 | grep -qE '^#!.*\b(ba)?sh\b|^# shellcheck shell=' && echo "$f"
		[[ $f != *.sh ]] || echo "$f"
	done | sort -u)
	shellcheck -x "${list[@]}"
}

spdx() {
	local f bad=0
	while read -r f; do
		case $f in
		# No comments are allowed in these.
		debian/changelog | debian/copyright | debian/source/format | *.json) continue ;;
		COPYING | *.md | *.lock | *.patch | .gitignore | .rustfmt.toml | Documentation/ABI/* | */corpus/* | */fixtures/*) continue ;;
		esac
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0' || {
			echo "$f: no SPDX line"
			bad=1
		}
	done < <(files)
	return "$bad"
}

# The guides can be rendered. Debian's Python has docutils; another one in PATH may not.
guides() {
	local list bad=0 f
	mapfile -t list < <(files '*.rst')
	for f in "${list[@]}"; do
		/usr/bin/python3 -m docutils --report=warning --exit-status=warning "$f" /dev/null || bad=1
	done
	return "$bad"
}

# What kernel there is, and what it has, is known to one file; see rust/compat.rs.
compat() {
	local list
	mapfile -t list < <(files 'rust/*.rs' 'rust/*.[ch]' 'drivers/*' | grep -vx 'rust/compat[.]rs')
	! grep -nE '\brb_has_|LINUX_VERSION_CODE|KERNEL_VERSION' "${list[@]}" | grep -vx 'rust/lib.rs:[0-9]*:#\[cfg(rb_has_owner_module)\]'
}

# What / and % divide by is a constant, or the file says that the name is NonZero; else it is for
# checked_div() and checked_rem(). Tests may panic.
divisors() {
	local file line text name bad=0
	while IFS=: read -r file line text; do
		while read -r name; do
			if ! grep -qE "\\b$name(: |.* = )NonZero" "$file"; then
				printf '%s:%s: divides by %s, which may be zero\n' "$file" "$line" "$name"
				bad=1
			fi
		done < <(grep -oP '[\s\w)][%/]=?\s+(self\.)?\K(?!\w+::(from\([A-Z0-9_]+\)|<))[a-z_]\w*' <<<"$text")
	done < <(files 'rust/*.rs' 'drivers/*.rs' | grep -vE '^rust/host/|/tests(/|[.]rs)' |
		xargs grep -nHE '[%/]=?[[:space:]]' | grep -vE '^[^:]*:[0-9]*:[[:space:]]*//')
	return "$bad"
}

# The repository names no place of the machine it was written on, and no host of a registry.
places() {
	local list
	mapfile -t list < <(files | grep -vx -e scripts/check.sh -e '.*[.]lock')
	! grep -nIE '/(home|root|work)/[A-Za-z0-9_.]|(debian|crates|pypi|npmjs|pythonhosted)[.](org|io)' \
		"${list[@]}"
}

# The page of the measurements is that of the numbers beside it, and small.
figures() {
	local dir=Documentation/bench page
	page=$(mktemp)
	tests/bench/page.py --brief "$dir/report.json" "$page" && cmp "$page" "$dir/report.html" &&
		[ "$(stat -c %s "$page")" -le 100000 ]
	set -- $?
	rm -f "$page"
	return "$1"
}

# A mutant that no longer fits what it changes tests nothing.
mutants() {
	local file bad=0
	for file in tests/mutants/*.patch; do
		patch -p1 --dry-run --fuzz=0 --silent <"$file" >/dev/null || { echo "$file does not apply" && bad=1; }
	done
	return "$bad"
}

run 'rustfmt' rust_format
run 'unsafe code only where it may be, and explained' scripts/unsafe-gate.py
run 'files import downwards, and never in a circle' scripts/floors.py
run 'the layouts of all structures that the layer touches are compared' scripts/layout-gate.py
run 'SPDX lines' spdx
run 'no host names, no paths of one machine' places
run 'kernels differ in one place' compat
run 'nothing is divided by zero' divisors
run 'every test is run' scripts/test-lint.sh
run 'every mutant applies' mutants
run 'shellcheck' shell_scripts
run 'checkpatch' c_style
run 'the guides are valid' guides
run 'the measurements are shown as they are' figures
run "clippy with the kernel's lints" clippy
run 'what must not compile does not' scripts/snippets.sh
run "clippy of what runs on the host" host_clippy
run 'documentation' documentation
run 'the oldest rustc' scripts/oldest-rustc.sh

if [ ${#failed[@]} -gt 0 ]; then
	printf 'check: %s failed\n' "${#failed[@]}"
	exit 1
fi
echo 'check: all is well'
