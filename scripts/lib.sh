# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What all scripts share: places, messages, locks, long steps with progress.

# shellcheck disable=SC2034 # used by those who read this file
RBLK_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
RBLK_CACHE=${RBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/rblk}
RBLK_JOBS=${RBLK_JOBS:-$(nproc)}
mkdir -p "$RBLK_CACHE/log"

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# may_fetch WHAT: dies if nothing may be fetched (RBLK_FETCH=no).
may_fetch() { [ "${RBLK_FETCH:-}" != no ] || die "RBLK_FETCH=no, and $1 would be fetched"; }

# version_ge A B: A is the same as or newer than B.
version_ge() {
	[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# test_header FILE KEY DEFAULT: the value of "# rblk-KEY: value" in a test.
RBLK_HEADER_LINES=30
test_header() {
	local value
	value=$(sed -n "1,${RBLK_HEADER_LINES}s/^# rblk-$2: *//p" "$1" | head -n 1)
	echo "${value:-$3}"
}

# module_roots: the names of the modules, without those for tests.
module_roots() { sed -n 's/^rb_roots := //p' "$RBLK_TOP/Kbuild"; }

# locked NAME COMMAND...: one process at a time makes what NAME stands for.
locked() {
	local name=$1 fd ret=0
	shift
	exec {fd}>"$RBLK_CACHE/.$name.lock"
	if ! flock -n "$fd"; then
		say "waiting for another process that is making $name"
		flock "$fd"
	fi
	"$@" {fd}>&- || ret=$?
	exec {fd}>&-
	return "$ret"
}

# _progress TITLE LOG LINES: one line that tells how long and how far, until
# killed. LINES is how long the log of such a step usually gets, 0 if unknown.
_progress() {
	local title=$1 log=$2 total=$3 start=$SECONDS n percent='' every=1 eol='\r'
	[ -t 2 ] || { every=20; eol='\n'; }
	# The sleep must not outlive this: who reads the output would wait for it.
	trap 'kill "$!"; exit' TERM
	while sleep "$every" & wait "$!"; do
		if [ "$total" -gt 0 ]; then
			n=$(wc -l <"$log")
			percent=$((n * 100 / total))
			[ "$percent" -le 99 ] || percent=99
			percent=" about $percent%"
		fi
		printf "    %s:%s, %s min%b" "$title" "$percent" \
			"$(elapsed $((SECONDS - start)))" "$eol" >&2
	done
}

# step TITLE LINES COMMAND...: run COMMAND with its output in a log file, show
# progress, and show the log's end if it fails.
step() {
	local title=$1 total=$2 start=$SECONDS log ret=0 ticker
	shift 2
	log=$RBLK_CACHE/log/$(printf '%s' "$title" | tr -c 'A-Za-z0-9._-' _).log
	say "$title"
	: >"$log"
	_progress "$title" "$log" "$total" &
	ticker=$!
	"$@" >"$log" 2>&1 || ret=$?
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$ret" -ne 0 ]; then
		tail -n 40 "$log" >&2
		die "$title failed; the whole log is $log"
	fi
	say "$title: done in $(elapsed $((SECONDS - start)))"
}
