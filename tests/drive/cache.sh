#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 80
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# A power cut takes what was not synchronised, and nothing else, wherever it comes. (On a
# DVD+RW the kernel flushes at each last close.)

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/drive.sh
. "$(dirname "$0")/../lib/drive.sh"
# shellcheck source=tests/drive/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 24
drive_as 0 dvdram,blocks=8192,cache=16
disc=$(drive_sr 0)
# What the kernel sees after the power came back: an open takes the news.
back() { blockdev --getsize64 "$disc" >/dev/null; }
at() {
	local block
	back
	for block; do character "$disc" "$block"; done
}

put "$disc" 0 a 16
put "$disc" 16 a 16
"$MMC" "$disc" sync
put "$disc" 16 b 16
put "$disc" 32 b 16
check_equal "before" abb "$(at 0 16 32)"
check_equal "in the cache" 2 "$(drive_get cache)"
check "read from there" test "$(drive_get dirty_reads)" -gt 0
drive_ctl powercut
check_equal "after" aa0 "$(at 0 16 32)"
check_equal "lost" 2 "$(drive_get cache_lost)"

pattern c 16 >"$RBLK_SCRATCH/c"
"$MMC" "$disc" write 48 "$RBLK_SCRATCH/c" fua
drive_ctl powercut
check_equal "a forced write stays" c "$(at 48)"
for ((block = 512; block < 1024; block += 16)); do put "$disc" "$block" d 16; done
check_equal "a cache that is full" 16 "$(drive_get cache)"
check_equal "puts the oldest on the disc" 16 "$(drive_get evictions)"
drive_ctl powercut
check_equal "where it stays" "d0" "$(at 752 768)"

# The write log.
drive_ctl log start
put "$disc" 0 e 16
put "$disc" 16 e 16
"$MMC" "$disc" sync
put "$disc" 0 f 16
check_equal "four entries" 4 "$(drive_ctl log count)"
check_equal "with blocks and sums" "2 write 16 16 $(python3 -SE -c '
import zlib
print("%08x" % zlib.crc32(b"e" * 32768))')" "$(drive_ctl log list 2 | head -n 1)"
check_equal "and the flush" "3 sync" "$(drive_ctl log list 3 | head -n 1)"
check "cut at the end" drive_ctl cut 4
check_equal "the flushed is there" ee "$(at 0 16)"
check "cut before the flush" drive_ctl cut 2
check_equal "nothing is there" aa "$(at 0 16)"
check "cut with all written" drive_ctl cut 4 all
check_equal "everything is there" fe "$(at 0 16)"
for seed in {1..16}; do
	drive_ctl cut 2 "$seed"
	at 0 16
	echo
done | sort -u >"$RBLK_SCRATCH/seen"
check_equal "cut with some written" "aa ae ea ee" "$(xargs <"$RBLK_SCRATCH/seen")"
check_fails "there is no cut behind the end" drive_ctl cut 5

# A file system, cut at each flush, has what was synchronised before.
drive_as 0 dvdram,blocks=8192,cache=16
mkudffs --media-type=dvdram "$disc" >/dev/null
mkdir -p /mnt/disc
drive_ctl log start
mount -t udf "$disc" /mnt/disc
for name in one two three; do
	echo "$name" >"/mnt/disc/$name"
	sync -f /mnt/disc
	"$MMC" "$disc" sync
	drive_ctl log count
done >"$RBLK_SCRATCH/points"
umount /mnt/disc
drive_ctl log stop
mapfile -t points <"$RBLK_SCRATCH/points"
n=0
for point in "${points[@]}"; do
	n=$((n + 1))
	drive_ctl cut "$point"
	back
	mount -t udf -o ro "$disc" /mnt/disc
	check_equal "files after a cut at $point" \
		"$(echo one two three | cut -d ' ' -f "1-$n")" \
		"$(cd /mnt/disc && cat one two three 2>/dev/null | xargs)"
	umount /mnt/disc
done
check_equal "nothing was refused" 0 "$(drive_get writes_rejected)"
ktap_finished
