#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 120
#
# A disc that the drive has to close is closed once, at the end of use.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 50
formatting=dvd+rw,strict,blocks=4096,state=running

# phase: of the session of the packet device.
phase() { cat "$PKT/$name/session"; }
is_phase() { test "$(phase)" = "$1"; }
# formatting_disc: one that the drive formats in the background, so that it has to be closed.
formatting_disc() {
	fresh 2 "$formatting"
	order reset-stats
}
# closed: how many packets are in the drive's cache, how often it was told to close something, and its
# format. To close a disc is two of that: one stops the format, the other one closes the session.
closed() {
	echo "$(get cache) $(get closes) $(get bgformat)"
}

formatting_disc
linger=$PKT/$name/linger_ms session=$PKT/$name/session
check_equal "a session may linger for half a minute" 30000 "$(cat "$linger")"
write_to "$linger" 300000
check_equal "there is none before the first opener" none "$(phase)"
check_equal "it is open" "rc=0" "$(disk "$node" ro "run:grep -qx open $session")"
check_equal "a reader leaves none behind" none "$(phase)"
check_equal "a writer works" "ok ok" "$(disk "$node" rw write:0:65536:a write:131072:2048:b)"
check_equal "his session lingers" lingering "$(phase)"
check_equal "what he has written is on the disc, which is not closed" "0 0 2" "$(closed)"
check_equal "the drive is locked" 1 "$(get locked)"
check_equal "and not for others to have for themselves" EBUSY "$(disk "$sr" excl)"
check_equal "debugfs tells that" lingering \
	"$(sed -n 's/^\tsession:\t*//p' "/sys/kernel/debug/pktcdvd/$name/info")"
check_equal "the next opener takes it over" "rc=0 ok" \
	"$(disk "$node" ro "run:grep -qx open $session" check:0:65536:a)"
check_equal "with the size of the disc" "rc=0" \
	"$(disk "$node" ro "run:test \$(cat /sys/block/$name/size) = 16384")"
check_equal "without finding out all anew" "0" "$(get restarts)"
check_equal "it lingers again" lingering "$(phase)"

check "a file system is made" format "$node" dvd+rw
check "mounted and written" mounted "$node" rw keeps "$RBLK_SCRATCH/sums" cp -r "$OPTICAL" "$MNT"
check "mounted again and read" mounted "$node" rw same "$RBLK_SCRATCH/sums"
check_equal "and the disc was never closed for that" "0 0" "$(get cache) $(get closes)"

# That file system reaches to the end of the disc, so the drive has formatted all of it.
formatting_disc
session=$PKT/$name/session
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
check_equal "it is told to end while it is open" "rc=0" \
	"$(disk "$node" ro "run:. tests/lib/ktap.sh; test \$(errno_of $session end) = EBUSY")"
check_equal "it is told to end" ok "$(errno_of "$session" end)"
check_equal "the disc is closed then" "none 0 2 1" "$(phase) $(closed)"
check_equal "once" "$(get closes)" "$(errno_of "$session" end >/dev/null; get closes)"
check_equal "the drive is for others again" ok "$(disk "$sr" excl)"
check_equal "and unlocked" 0 "$(get locked)"
check_equal "what was written is there" ok "$(disk "$node" ro check:0:65536:a)"

formatting_disc
linger=$PKT/$name/linger_ms session=$PKT/$name/session
write_to "$linger" 300
check_equal "it ends when its time is over" "ok" "$(disk "$node" rw write:0:65536:a)"
check "by itself" wait_for 20 is_phase none
check_equal "the disc is closed" "0 2 1" "$(closed)"

formatting_disc
linger=$PKT/$name/linger_ms session=$PKT/$name/session
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
is_phase lingering && write_to "$linger" 0
check "a shorter time counts at once" wait_for 20 is_phase none
order insert "$formatting" >/dev/null
check_equal "without any, the last close ends it" "ok none 1" \
	"$(disk "$node" rw write:0:65536:a) $(phase) $(get bgformat)"
check_equal "more than an hour is too long" ERANGE "$(errno_of "$linger" 3600001)"
check_equal "what is no number is wrong" EINVAL "$(errno_of "$linger" soon)"
check_equal "so is another word" EINVAL "$(errno_of "$session" begin)"

formatting_disc
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
check_equal "a session lingers" lingering "$(phase)"
check "the device is unmapped all the same" unmap "$name"
check_equal "and the disc closed before" "ok 0 2 1" "$(disk "$sr" excl) $(closed)"

# A signal does not have an opener fail who waits until the drive is closed.
fresh 2 "$formatting,format-time=600000,time=0.25"
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
echo end >"$PKT/$name/session" &
check "closing takes a while" wait_for 20 is_phase ending
check_equal "a signal that is handled ends no wait" ok "$(disk "$node" alarm ro check:0:65536:a)"
wait
check_equal "the disc was closed meanwhile" 2 "$(get closes)"

# Who ejects a disc wants to read it elsewhere.
formatting_disc
check_equal "an eject comes after the disc was closed" "ok ok" "$(disk "$node" rw write:0:65536:a ioctl:0x5309)"
check_equal "which is out then" "2 1" "$(get closes) $(get tray_open)"
formatting_disc
order fault op=0x1b act=sense:5/53/02 count=inf
# For this error the kernel's ioctl returns a number above 0.
check_equal "one that stays in the drive can be written on" "ok ok ok ok" \
	"$(disk "$node" rw write:0:65536:a ioctl:0x5309 write:65536:65536:b fsync)"
order fault clear
check_equal "it was closed, and the drive has gone on with the format" "0 2 1" \
	"$(get tray_open) $(get closes) $(get restarts)"

# Somebody takes the disc out by force, and puts another one in.
formatting_disc
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
check_equal "it lingers" lingering "$(phase)"
order insert dvd+rw,strict,blocks=2048 >/dev/null
check_equal "another disc is another session" "rc=0 ok" \
	"$(disk "$node" rw "run:test \$(cat /sys/block/$name/size) = 8192" write:0:65536:b)"
check_equal "that one need not be closed" none "$(phase)"

# The error of the flush at the last close is one of the next fsync, if the session lingers.
formatting_disc
order fault op=0x35 act=sense:3/0c/00 count=inf
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
order fault clear
check "a flush that fails at the last close is counted" test "$(cat "$PKT/$name/stat/errors")" -gt 0
check_equal "and told to who opens the device next" "ok EIO ok" \
	"$(disk "$node" rw write:0:65536:b fsync fsync)"
# So it is with a drive that is closed at once, but for the telling: nobody has asked.
fresh 3
order fault op=0x35 act=sense:3/0c/00 count=inf
disk "$node" rw write:0:65536:a >"$RBLK_SCRATCH/out"
order fault clear
check_equal "one whose session has ended is counted" "none 1" \
	"$(phase) $(($(cat "$PKT/$name/stat/errors") > 0))"
check_equal "and the next session works" "ok ok ok" \
	"$(disk "$node" rw write:0:65536:b fsync check:0:65536:b)"
clean_up
ktap_finished
