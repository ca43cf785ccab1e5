# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that swap to nbd: guests of their own, since some of them freeze.
#
# Environment:
#   RBLK_SWAP_SECONDS   for how long, with all guests; in 600 the memory gets full on any machine.
#                       Without it, two minutes with one of them
#   RBLK_SWAP_MEM       MiB of the guests (384)
#   RBLK_SWAP_PERCENT   how much of that is to be in use (200)
#   RBLK_SWAP_ONLY      the name of one guest (see swap_guest); the others do not run
#   RBLK_SWAP_KEEP      a directory for what the guests have said
#   RBLK_NBD_DRIVER     stock: the kernel's own, to compare with; what it does is shown, not judged

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/ktap.sh"
swap_top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../..")
swap_dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$swap_dir" "$ktap_output"' EXIT
# shellcheck disable=SC2034 # for who sources this
swap_long=${RBLK_SWAP_LONG-${RBLK_SWAP_SECONDS:-}}
: "${RBLK_SWAP_SECONDS:=120}" "${RBLK_SWAP_MEM:=384}" "${RBLK_SWAP_PERCENT:=200}" \
	"${RBLK_NBD_DRIVER:=ours}"
export RBLK_SWAP_LONG=$swap_long RBLK_SWAP_SECONDS RBLK_SWAP_MEM RBLK_SWAP_PERCENT RBLK_NBD_DRIVER

# swap_build: what the guests need; with output if it fails.
swap_build() {
	{
		(cd "$swap_top" && cargo build -q --release --locked -p nbd-swap -p rblk-nbd) &&
			"$swap_top/scripts/module.sh" fast &&
			{ [[ ${RBLK_SWAP_ONLY:-naive} != naive* ]] ||
				MO=$swap_top/build/fast-naive "$swap_top/scripts/module.sh" fast NBD_NAIVE=1; }
	} >"$swap_dir/build.log" 2>&1 || {
		sed 's/^/# /' "$swap_dir/build.log"
		return 1
	}
}

# module ours|stock|naive: its path.
module() {
	case $1 in
	naive) echo "$swap_top/build/fast-naive/nbd.ko" ;;
	stock) find "$(cat "$swap_top/build/fast/.kdir")/modroot" -path '*/kernel/*' -name nbd.ko ;;
	*) echo "$swap_top/build/fast/nbd.ko" ;;
	esac
}

# wanted NAME: whether that guest is to run.
wanted() { [ "${RBLK_SWAP_ONLY:-$1}" = "$1" ]; }

# swap_guest NAME VM-ARGS... -- SERVER...: what it has said is
# in NAME.console and NAME.out, its status in NAME.status. The guests named naive have no precautions.
swap_guest() {
	local name=$1 ko status=0
	wanted "$name" || return 0
	[[ $name = naive* ]] && ko=$(module naive) || ko=$(module "$RBLK_NBD_DRIVER")
	shift
	local args=()
	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	RBLK_KO=$ko "$swap_top/scripts/vm" --kernel fast --mem "$RBLK_SWAP_MEM" \
		--timeout $((RBLK_SWAP_SECONDS * 4 + 400)) --log "$swap_dir/$name.console" \
		${args[@]+"${args[@]}"} -- \
		"$swap_top/tests/nbd/lib/swap-guest.sh" "$@" >"$swap_dir/$name.out" 2>&1 || status=$?
	echo "$status" >"$swap_dir/$name.status"
	grep -aE '^# (server|device|memory|stress|faults|keeper|swapoff)' "$swap_dir/$name.out"
	tr -d '\r' <"$swap_dir/$name.console" | grep -a 'heartbeat: result' | sed 's/^/# /'
	[ -z "${RBLK_SWAP_KEEP:-}" ] || cp "$swap_dir/$name".* "$RBLK_SWAP_KEEP/"
}

# result NAME FIELD: of the heartbeat; nothing if it has not come to one.
result() {
	tr -d '\r' <"$swap_dir/$1.console" | grep -a 'heartbeat: result=' | tr ' ' '\n' |
		sed -n "s/^$2=//p" | tail -n 1
}

# survives TITLE NAME: more was swapped than is before one freezes, and nothing is wrong.
survives() {
	local out least
	if ! wanted "$2"; then
		ktap_test_skip "$1" "RBLK_SWAP_ONLY"
		return
	fi
	out=$(result "$2" out) least=$(result "$2" least_free)
	if [ "$(cat "$swap_dir/$2.status")" = 0 ] && [ "${out:-0}" -gt 2000 ] && [ "${least:-0}" -gt 0 ] &&
		grep -q 'corrupt=0$' "$swap_dir/$2.out"; then
		ktap_test_pass "$1"
	elif [ "$RBLK_NBD_DRIVER" != ours ]; then
		ktap_test_skip "$1" "it does not, but is not ours"
	else
		ktap_test_fail "$1"
		swap_show "$2"
	fi
}

# control_guest NAME VM-ARGS... -- SERVER...: the same without precautions, if our driver is looked at.
control_guest() {
	[ "$RBLK_NBD_DRIVER" != ours ] || swap_guest "$@"
}

# freezes TITLE NAME: that guest stopped, which was noticed.
freezes() {
	if [ "$RBLK_NBD_DRIVER" != ours ]; then
		ktap_test_skip "$1" "another driver is looked at"
	elif ! wanted "$2"; then
		ktap_test_skip "$1" "RBLK_SWAP_ONLY"
	elif [ "$(result "$2" result)" = frozen ]; then
		ktap_test_pass "$1"
	else
		ktap_test_fail "$1"
		swap_show "$2"
	fi
}

swap_show() {
	echo "#   status $(cat "$swap_dir/$1.status")"
	tail -n 30 "$swap_dir/$1.out" | sed 's/^/#   /'
	tr -d '\r' <"$swap_dir/$1.console" | grep -a heartbeat | tail -n 5 | sed 's/^/#   /'
}
