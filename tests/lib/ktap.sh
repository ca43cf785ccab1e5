# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# KTAP output for the tests, after the kernel's ktap_helpers.sh. A test sources
# this file, says ktap_plan N, reports N results and ends with ktap_finished.
#
#	. "$(dirname "$0")/../lib/ktap.sh"
#	ktap_plan 2
#	check "disk appears" test -b /dev/rram0
#	check_fails "zero size is refused" write_to "$CLASS/add" size=0
#	ktap_finished
#
# Header lines steer scripts/test.sh (the values here are the defaults):
#	# rblk-kernels: fast debug	where to run; "host" means outside guests
#	# rblk-timeout: 120		seconds, three times that on debug
#	# rblk-mem: 1024		MiB of the guest, twice that on debug
#	# rblk-args:			more arguments for scripts/vm
#	# rblk-module: rblk		the module that is loaded
#	# rblk-leaks: no		"yes": look for leaks on debug, which takes twice as long
#	# rblk-quick: no		"yes": part of make test FAST=1

KSFT_PASS=0
KSFT_FAIL=1
KSFT_SKIP=4

ktap_planned=0
ktap_passed=0
ktap_failed=0
ktap_skipped=0
ktap_output=$(mktemp "${RBLK_SCRATCH:-${TMPDIR:-/tmp}}/ktap.XXXXXX")
trap 'rm -f "$ktap_output"' EXIT

ktap_plan() {
	ktap_planned=$1
	echo "TAP version 13"
	echo "1..$1"
}

ktap_msg() {
	echo "# $*"
}

_ktap_number() {
	echo $((ktap_passed + ktap_failed + ktap_skipped))
}

ktap_test_pass() {
	ktap_passed=$((ktap_passed + 1))
	echo "ok $(_ktap_number) $*"
}

ktap_test_fail() {
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $(_ktap_number) $*"
}

# ktap_test_skip TITLE [REASON]
ktap_test_skip() {
	ktap_skipped=$((ktap_skipped + 1))
	echo "ok $(_ktap_number) $1 # SKIP ${2:-}"
}

# ktap_skip_all REASON: the test cannot run here.
ktap_skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit "$KSFT_SKIP"
}

# Fails with the planned number missed, too: a test that returns early has not
# passed.
ktap_finished() {
	echo "# Totals: pass:$ktap_passed fail:$ktap_failed skip:$ktap_skipped"
	if [ "$(_ktap_number)" -ne "$ktap_planned" ]; then
		echo "Bail out! $(_ktap_number) results, $ktap_planned planned"
		exit "$KSFT_FAIL"
	fi
	[ "$ktap_failed" -eq 0 ] || exit "$KSFT_FAIL"
	[ "$ktap_passed" -gt 0 ] || [ "$ktap_skipped" -eq 0 ] || exit "$KSFT_SKIP"
	exit "$KSFT_PASS"
}

_ktap_show() {
	head -n 40 "$ktap_output" | sed 's/^/#   /'
}

# check TITLE COMMAND...: passes if COMMAND succeeds; its output is shown only
# when it does not.
check() {
	_title=$1
	shift
	"$@" >"$ktap_output" 2>&1
	_status=$?
	if [ "$_status" -eq 0 ]; then
		ktap_test_pass "$_title"
	else
		ktap_test_fail "$_title"
		echo "#   status $_status of: $*"
		_ktap_show
	fi
	return "$_status"
}

# check_fails TITLE COMMAND...: passes if COMMAND runs and fails.
check_fails() {
	_title=$1
	shift
	"$@" >"$ktap_output" 2>&1
	_status=$?
	if [ "$_status" -ne 0 ] && [ "$_status" -lt 126 ]; then
		ktap_test_pass "$_title"
		return 0
	fi
	ktap_test_fail "$_title"
	echo "#   status $_status of: $*"
	_ktap_show
	return 1
}

# check_equal TITLE WANTED GOT
check_equal() {
	if [ "$2" = "$3" ]; then
		ktap_test_pass "$1"
		return 0
	fi
	ktap_test_fail "$1"
	echo "#   wanted: $2"
	echo "#   got:    $3"
	return 1
}

# write_to FILE TEXT: one write(2); on failure the errno's text is on stderr.
write_to() {
	printf '%s\n' "$2" >"$1"
}

# errno_of FILE TEXT: prints the name of the errno with which writing TEXT to FILE by one write(2)
# fails, or "ok"; what is said of one that has no name here. Python would take long to start.
errno_of() {
	if _said=$(printf '%s\n' "$2" |
		LC_ALL=C dd of="$1" bs=64k conv=notrunc,nocreat status=none 2>&1); then
		echo ok
		return
	fi
	case ${_said##*: } in
	'Cannot allocate memory') echo ENOMEM ;;
	'Device or resource busy') echo EBUSY ;;
	'File exists') echo EEXIST ;;
	'File too large') echo EFBIG ;;
	'Input/output error') echo EIO ;;
	'Invalid argument') echo EINVAL ;;
	'No space left on device') echo ENOSPC ;;
	'No such device') echo ENODEV ;;
	'No such device or address') echo ENXIO ;;
	'No such file or directory') echo ENOENT ;;
	'Numerical result out of range') echo ERANGE ;;
	'Operation not permitted') echo EPERM ;;
	'Operation not supported') echo ENOTSUP ;;
	'Read-only file system') echo EROFS ;;
	'Stale file handle') echo ESTALE ;;
	*) echo "$_said" ;;
	esac
}

# patience SECONDS: as many times as a slow kernel, or a machine with other work, takes.
patience() {
	echo $(($1 * ${RBLK_PATIENCE:-1}))
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds.
wait_for() {
	_tries=$(($(patience "$1") * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		_tries=$((_tries - 1))
		[ "$_tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# accepts SOCKET: somebody listens on this unix socket. It is there a moment before that (SO_ACCEPTCON is
# 00010000).
accepts() { awk -v path="$1" '$4 == "00010000" && $NF == path { n = 1 } END { exit !n }' /proc/net/unix; }

have() {
	command -v "$1" >/dev/null 2>&1
}
