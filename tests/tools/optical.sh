#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 100
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# The command pktcdvd says which disc cannot be written and what to do, when it maps a drive; and
# looks without changing anything.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/pktcdvd/lib/pkt.sh
. "$(dirname "$0")/../pktcdvd/lib/pkt.sh"

ktap_plan 27
command=$(dirname "$0")/../../target/release/pktcdvd
clean_up
drive_ctl reset cdrw
sr=$(drive_sr 0)

# refused MEDIA TEXT: with that disc the drive is mapped, and a warning has TEXT; with --check the
# command ends with status 7 and the same line instead.
refused() {
	local status warning error left
	drive_ctl insert "$1" >/dev/null
	warning=$("$command" -a disc "$sr" 2>&1 >/dev/null)
	status=$?
	"$command" -r disc || status=unmapped
	error=$("$command" -a --check disc "$sr" 2>&1)
	status+=" $?"
	left=$(cat $PKT/device_map)
	if [ "$status" = '0 7' ] && [[ $error == "pktcdvd: $sr: "*"$2"* ]] && [ "$(wc -l <<<"$error")" = 1 ] &&
		[ "$warning" = "pktcdvd: warning: ${error#pktcdvd: }" ] && [ -z "$left" ]; then
		ktap_test_pass "$1: ${error#pktcdvd: }"
	else
		ktap_test_fail "$1"
		ktap_msg "  status $status: $warning | $error | $left"
	fi
}

refused none 'no medium; put a disc in'
refused cdrw,blank "CD-RW is blank: format it with"
refused cdrw,no-packets "CD-RW is not recorded in fixed packets: format it with"
refused cdrw,erasable=0 'use a CD-RW'
refused cdrw,profile=09 'CD-R (profile 0x0009)'
refused dvd-rw,profile=14 'DVD-RW, sequential recording (profile 0x0014)'
refused dvd+rw,profile=1b 'DVD+R (profile 0x001b)'
refused bd-re,profile=41 'BD-R, sequential recording (profile 0x0041)'
refused dvd-rw,profile=10 'DVD-ROM (profile 0x0010)'
check "no name was made" test ! -L /dev/pktcdvd/disc
drive_ctl insert none >/dev/null
check_equal "in JSON" "pktcdvd0 $sr: no medium; put a disc in" "$("$command" -a --json disc "$sr" | python3 -SE -c 'import json, sys
d = json.load(sys.stdin)
print(d["devices"][0]["name"], d["warning"])')"
"$command" -r disc
check_equal "what a drive does not take is said" \
	"pktcdvd: $sr is an optical drive, whose discs say how large packets are and where they begin: leave --packet-size and --offset out" \
	"$("$command" -a -f -p 32K "$sr" 2>&1)"

# looks MEDIA: a disc that will do is mapped, by path or number of the drive.
looks() {
	local device
	drive_ctl insert "$1" >/dev/null
	for device in "$sr" "$(number "$sr")"; do
		"$command" -a disc "$device" && "$command" -r disc || return
	done
}
for media in cdrw dvd-rw dvd+rw dvdram bd-re; do
	check "$media will do" looks "$media"
done
drive_ctl insert cdrw >/dev/null
drive_ctl reset-stats
check_equal "mapping gives the name" /dev/pktcdvd/disc "$("$command" -a disc "$sr")"
check_equal "nothing was changed in the drive" "0 0 0 0" \
	"$(drive_get mode_selects) $(drive_get speed_sets) $(drive_get writes) $(drive_get locked)"
other=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all)
check_equal "others may not ask the drive" \
	"pktcdvd: $sr: permission denied; root may do that" \
	"$(install -m 755 "$command" "$RBLK_SCRATCH/pktcdvd" && chmod 755 "$RBLK_SCRATCH" &&
		"${other[@]}" "$RBLK_SCRATCH/pktcdvd" -a third "$sr" 2>&1)"
"$command" -r disc

# A disc is known while it is open.
drive_ctl insert dvd+rw >/dev/null
"$command" add disc "$sr" >/dev/null
check_equal "it is listed" "pktcdvd0 disc" "$("$command" -l | awk 'NR == 2 { print $1, $5 }')"
check "no size before" grep -q '^  size  *not known before the disc is opened' <("$command" -s disc)
exec 3<>/dev/pktcdvd/disc
dd if=/dev/urandom of=/dev/pktcdvd/disc bs=32K count=4 oflag=direct status=none
"$command" -s disc >"$RBLK_SCRATCH/status"
check "size and packets then" grep -q '^  size  *64 MiB, in packets of 32 KiB' "$RBLK_SCRATCH/status"
check "the disc" grep -q '^  medium  *DVD+RW' "$RBLK_SCRATCH/status"
check "what was written" grep -q '^  packets  *4 of 4 finished, 4 full (100 %)' "$RBLK_SCRATCH/status"
check_equal "in JSON" "DVD+RW 32768 4" "$("$command" -s --json disc | python3 -SE -c 'import json, sys
d = json.load(sys.stdin)["devices"][0]
print(d["medium"], d["packet_bytes"], d["counters"]["packets_finished"])')"
check "while watching" grep -q ' DVD+RW - packets of 32 KiB ' <("$command" watch --once -i 0.1)
exec 3<&-
"$command" -r disc

clean_up
ktap_finished
