#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 400
#
# A system that is turned off leaves a disc closed that was written shortly before.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
ktap_plan 2
vm=$(dirname "$0")/../../scripts/vm
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT

cat >"$dir/script" <<-'end'
	. tests/lib/ktap.sh
	. tests/optical/lib/optical.sh
	node=$(node "$(map "$(drive_sr 0)")") || exit 1
	[ "$(disk "$node" rw write:0:65536:a)" = ok ] || exit 2
	echo "session: $(cat /sys/class/pktcdvd/pktcdvd0/session), closes: $(drive_get @0 closes)"
end
said=$("$vm" --drive dvd+rw,strict,blocks=4096,state=running --log "$dir/log" -- bash "$dir/script" 2>"$dir/err")
check_equal "a disc is written, and its session lingers to the end" "session: lingering, closes: 0" "$said"
check "the disc is closed before the system is off" awk '
	/pktcdvd0: the medium is closed/ { closed = NR }
	/reboot: Power down/ { off = NR }
	END { exit !(closed && off > closed) }' "$dir/log"
ktap_finished
