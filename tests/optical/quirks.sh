#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 180
#
# Each medium in drives of makers who do things differently: it is opened for writing, filled at both ends,
# and nothing is refused. tests/host has all quirks one by one.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 26
blocks=4096

# used MEDIA QUIRKS PACKET WHAT: the first and the last packet are written, one in the middle in part.
used() {
	local all=$((blocks * 2048)) packet=$3 last
	fresh 2 "$1,blocks=$blocks,quirks=$2"
	last=$((all - packet))
	check_equal "${1%%,*}: $4" "$all/$packet $(oks 7)" "$(disk "$node" rw size "write:0:$packet:a" \
		"write:$last:$packet:b" "write:$((all / 2 + 2048)):2048:c" fsync \
		"check:0:$packet:a" "check:$last:$packet:b" "check:$((all / 2 + 2048)):2048:c")"
	[ ! -e "$PKT/$name/session" ] || echo end >"$PKT/$name/session"
	check_equal "${1%%,*}: $4 refuses nothing" "0 0 0" \
		"$(get writes_rejected) $(get writes_partial) $(get rmw)"
}

while read -r media packet; do
	used "$media" says-field+few-features+run-out+lies-ready "$packet" "a drive that says little"
	# Of a CD-RW nothing but its track tells how it was formatted.
	case $media in
	cdrw*) track='' ;;
	*) track=+no-track-info ;;
	esac
	used "$media" "says-format+no-page5+grows+no-progress$track" "$packet" "one that says less"
done <<-END
	cdrw,strict 65536
	dvd-rw,strict 32768
	dvd+rw,strict,state=stopped,formatted=1024,format-time=3000 32768
	dvd+rw-dl,strict,state=stopped,formatted=1024,format-time=3000 32768
	dvdram,strict 32768
	bd-re,strict 65536
END
used dvd-rw,strict wants-page5+no-packet-size 32768 "a drive that wants to be told how"
clean_up
ktap_finished
