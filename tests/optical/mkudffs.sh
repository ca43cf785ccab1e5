#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 120
#
# mkudffs as it is finds out by itself what disc is below a packet device, and can write there what a
# drive refuses of it: single blocks, from the first to the last.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 49
blocks=16384
# It takes a DVD+RW for a DVD-RW.
detected=(CD-RW DVD-RW DVD-RW DVD-RAM '')

for n in "${!ALL_DRIVES[@]}"; do
	media=${ALL_DRIVES[$n]}
	fresh "$n"
	# The drive is set up for packets, so it is only their form that can be wrong.
	check_equal "$media: the drive is ready for packets" ok "$(disk "$node" rw)"
	order reset-stats
	check_fails "$media: straight to the drive mkudffs fails" format "$sr" "$media"
	check "$media: the drive refuses what is no packet" test \
		$(($(get rejected_unaligned) + $(get rejected_partial) + $(get rejected_mode))) -gt 0
	check_equal "$media: nothing reached the disc" 0 "$(order wear | wc -l)"
	order reset-stats
	check "$media: through the packet device it succeeds" \
		eval "format '$node' '$media' >'$RBLK_SCRATCH/said' 2>&1 || { cat '$RBLK_SCRATCH/said'; false; }"
	[ -z "${detected[$n]}" ] ||
		check "$media: it finds out which disc that is" \
			grep -q "^Detected ${detected[$n]} optical disc" "$RBLK_SCRATCH/said"
	check "G2: $media: all of it is where it belongs" timeout "$(patience 20)" udfinfo "$node"
	check_equal "G12: $media: up to the last block" "$((blocks - 1))" \
		"$(udfinfo "$node" 2>/dev/null | sed -n 's/^start=\([0-9]*\), .*type=ANCHOR *$/\1/p' | tail -n 1)"
	check_equal "$media: without the packet device, too" udf "$(timeout "$(patience 20)" blkid -p -o value -s TYPE "$sr")"
	check "$media: the drive is pleased" faultless
	ktap_msg "$media: $(get writes) packets written for mkudffs, $(get wear_packets) different ones"
done
clean_up
ktap_finished
