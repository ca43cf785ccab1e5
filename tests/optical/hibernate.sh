#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-mem: 512
# rblk-args: --in-memory --disk +256 --append hibernate=nocompress --drive cdrw,strict-cache,blocks=8192 --drive dvd+rw,strict,blocks=8192
# rblk-timeout: 90
#
# G26: the system hibernates, and goes on from the image that it wrote: all devices sleep, the drives
# have no power meanwhile, and memory is what it was. The disk with the image is the only thing that
# is not turned off.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"
# shellcheck source=tests/optical/lib/amid.sh
. "$(dirname "$0")/lib/amid.sh"

[ -w /sys/power/disk ] || ktap_skip_all "the kernel cannot hibernate"
ktap_plan 22

leave() {
	[ -z "$server" ] || { nbd-client -d /dev/nbd0 >/dev/null; kill "$server"; }
	clean_up
	swapoff /dev/vda
	# shellcheck disable=SC2154 # set by ktap.sh
	rm -f "$ktap_output"
}
server=''
trap leave EXIT

hibernate="echo disk >/sys/power/state"
mkswap /dev/vda >/dev/null && swapon /dev/vda
echo test_resume >/sys/power/disk

# What was in memory is on the disk afterwards; the log is that from before it was written.
word=$(od -An -N 16 -tx1 /dev/urandom | tr -d ' ')
check "the system hibernates" sh -c "$hibernate"
check "its memory was written to the disk" grep -qa "$word" /dev/vda
log() { busybox dmesg | grep -c "hibernation: $1"; }
check_equal "and read from there" "1 0" "$(log "hibernation exit") $(log Wrote)"

for n in 0 1; do
	media=${ALL_DRIVES[n * 2]}
	fresh $n
	order set guest-power
	order reset-stats
	check_equal "$media: what was written before is there, and it can be written on" "ok rc=0 ok ok ok ok" \
		"$(disk "$node" rw write:2048:2048:a "run:$hibernate" \
			check:2048:2048:a write:65536:131072:b fsync check:65536:131072:b)"
	check "$media: the drive had no power meanwhile" test "$(get power_cuts)" -gt 0
	check_equal "$media: which lost nothing" 0 "$(get cache_lost)"
	check_equal "$media: all is on the disc" "ok ok" \
		"$(disk "$node" ro check:2048:2048:a check:65536:131072:b)"
	order set slow=20
	check_equal "$media: amid reads, writes and flushes" "0 ok ok ok" "$(amid "$hibernate" "$node")"
	check_equal "$media: nothing is lost then, either" "0 0" "$(get cache_lost) $(get writes_rejected)"
	order set slow=0
	check_equal "$media: what is open is locked in" "ok rc=0 ok rc=0" \
		"$(disk "$node" rw write:0:2048:c "run:$hibernate" write:65536:2048:c \
			"run:bash -c '. tests/lib/drive.sh; test \$(drive_get @$n locked) = 1'")"
done

check_equal "with file systems frozen" "0 ok ok ok unmounted 0" "$(amid_frozen "$node" "$hibernate")"

# The devices only, without an image.
echo 0 >/sys/module/suspend/parameters/pm_test_delay
order set slow=20
check_equal "amid them, all devices sleep" "0 ok ok ok" \
	"$(amid "echo devices >/sys/power/pm_test && echo freeze >/sys/power/state" "$node")"
echo none >/sys/power/pm_test
echo 5 >/sys/module/suspend/parameters/pm_test_delay
order set slow=0

# Others of ours.
clean_up
node=$(node "$(map "$(new_ram size=32M name=memory)")")
check_equal "a packet device on a RAM disk" "0 ok ok ok" "$(amid "$hibernate" "$node")"
target/release/rblk-nbd-server serve --listen "unix:$RBLK_SCRATCH/socket" --size 32M &
server=$!
within 20 accepts "$RBLK_SCRATCH/socket"
check "a network block device" nbd-client -unix "$RBLK_SCRATCH/socket" /dev/nbd0
# What a server of this machine has not answered when it is frozen keeps the system awake.
check_equal "stays connected" "ok rc=0 ok ok ok ok" \
	"$(disk /dev/nbd0 rw write:0:65536:a "run:$hibernate" check:0:65536:a write:65536:65536:b fsync check:65536:65536:b)"
ktap_finished
