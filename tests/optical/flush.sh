#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 120
#
# G5: what was flushed is on the medium, whenever the power goes after that.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 23
marks=$RBLK_SCRATCH/marks

discs=('cdrw,strict-cache,blocks=4096' '' 'dvd+rw,strict,blocks=4096')
for n in 0 2; do
	fresh $n "${discs[$n]}"
	: >"$marks"
	disk "$node" rw write:0:1048576:old fsync >"$RBLK_SCRATCH/out"
	order log start >/dev/null
	# Parts of packets, whole packets, and packets that are written again.
	mark="run:bash -c '. tests/lib/drive.sh; drive_ctl @$n log count >>$marks'"
	check_equal "drive $n: writes and flushes" \
		"ok ok ok rc=0 ok ok rc=0 ok ok ok rc=0" \
		"$(disk "$node" rw write:4096:2048:one write:204800:2048:one fsync "$mark" \
			write:262144:131072:two fsync "$mark" \
			write:6144:2048:three write:524288:65536:three fsync "$mark")"
	check_equal "drive $n: three were counted" 3 "$(wc -l <"$marks")"
	order log stop >/dev/null || :
	last=$(tail -n 1 "$marks")
	i=0
	while read -r at; do
		i=$((i + 1))
		case $i in
		1) want="check:4096:2048:one check:204800:2048:one" expected=2 ;;
		2) want="$want check:262144:131072:two" expected=3 ;;
		3) want="$want check:6144:2048:three check:524288:65536:three" expected=5 ;;
		esac
		wrong=''
		for cut in $(seq "$at" 2 "$((at + 2 < last ? at + 2 : last))"); do
			for what in none 1; do
				order cut "$cut" "$what" >/dev/null || wrong="$wrong cut"
				# shellcheck disable=SC2086 # several orders
				got=$(disk "$node" ro $want check:131072:2048:old 2>&1)
				[ "$got" = "$(oks $((expected + 1)))" ] || wrong="$wrong $cut-$what:$got"
			done
		done
		check_equal "drive $n: flush $i: nothing is lost" '' "$wrong"
	done <"$marks"

	# Without a flush, things do get lost: the test can see it.
	order cut 0 none >/dev/null
	check_equal "drive $n: a cut loses what was not flushed" differs "$(disk "$node" ro check:4096:2048:one)"

	order reset-stats
	check_equal "drive $n: a flush of nothing" "ok ok ok ok" "$(disk "$node" rw fsync write:0:65536:x fsync fsync)"
	# The kernel itself flushes a DVD+RW that was written when the drive is closed.
	check_equal "drive $n: does not reach the drive" $((1 + n / 2)) "$(get syncs)"
	order reset-stats
	check_equal "drive $n: a synchronous write" "ok" \
		"$(python3 -SE -c "
import mmap, os, sys
fd = os.open('$node', os.O_RDWR | os.O_DIRECT | os.O_SYNC)
data = mmap.mmap(-1, 2048)
print('ok' if os.pwritev(fd, [data], 8192) == 2048 and int(os.popen(
    \"bash -c '. tests/lib/drive.sh; drive_get @$n cache'\").read()) == 0 else 'cached')
")"
	[ $n = 2 ] || check_equal "drive $n: nothing was read with something cached" 0 "$(get dirty_reads)"
	check_equal "drive $n: nothing was refused" 0 "$(get writes_rejected)"
	check "drive $n: unmapping works" unmap "$name"
done
ktap_finished
