#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: debug
# rblk-timeout: 120
# rblk-leaks: yes
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
#
# What opening and closing a packet device on an optical drive does to the drive.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"

ktap_plan 42
blocks=4096
sectors=$((blocks * 4))
fresh 0 "cdrw,strict-cache,blocks=$blocks"
order reset-stats

check "G10: mapping a drive works" test -b "$node"
check_equal "G10: nothing is read for that" 0 "$(get reads)"
check_equal "G10: the tray is not locked" 0 "$(get locked)"
check_equal "G10: others can have the drive for themselves" ok "$(disk "$sr" excl)"
check_equal "the size is not known yet" 0 "$(disk_size "$node")"
size=$(disk_size "$sr")

check_equal "opened for reading, the tray is locked" "rc=0" \
	"$(disk "$node" ro "run:bash -c '. tests/lib/drive.sh; test \$(drive_get locked) = 1'")"
check_equal "and unlocked by the last close" 0 "$(get locked)"
check_equal "a reader sets no write parameters" 0 "$(get mode_selects)"
check_equal "the size is that of the disc" "rc=0" \
	"$(disk "$node" ro "run:test \$(cat /sys/block/$name/size) = $sectors")"
check_equal "G33: packets show in the limits" "rc=0" \
	"$(disk "$node" ro "run:test \$(cat /sys/block/$name/queue/optimal_io_size) = 65536")"
check_equal "G12: the drive keeps its own size" "$size" "$(disk_size "$sr")"
check_equal "G10: the drive can be had for oneself again" ok "$(disk "$sr" excl)"

check_equal "the last block can be read" ok "$(disk "$node" ro "read:$(((blocks - 1) * 2048)):2048")"
check_equal "and written" "ok ok" \
	"$(disk "$node" rw "write:$(((blocks - 1) * 2048)):2048:a" "check:$(((blocks - 1) * 2048)):2048:a")"
check_equal "nothing behind it" EINVAL \
	"$(disk "$node" ro "read:$((blocks * 2048)):2048" | sed 's/short:0/EINVAL/')"
check_equal "a writer sets the write parameters once" 1 "$(get mode_selects)"
check_equal "G31: a writer can come while readers are there" "rc=0" \
	"$(disk "$node" ro "run:python3 tests/optical/lib/disk.py $node rw write:0:2048:b fsync | grep -qx 'ok ok'")"
check_equal "what it has written is there" ok "$(disk "$node" ro check:0:2048:b)"
check_equal "a device that is open stays mapped" "rc=0" \
	"$(disk "$node" ro "run:. tests/lib/ktap.sh; test \$(errno_of $PKT/remove $(packet_number "$name")) = EBUSY")"
check_equal "who has the drive for himself keeps it" "rc=0" \
	"$(disk "$sr" excl "run:test \$(python3 tests/optical/lib/disk.py $node ro) = EBUSY")"
check_equal "the one who has the packet device, too" "rc=0" \
	"$(disk "$node" ro "run:test \$(python3 tests/optical/lib/disk.py $sr excl) = EBUSY")"

check_equal "closing puts all on the medium" 0 "$(get cache)"
check_equal "nothing was refused" 0 "$(get writes_rejected)"
check_equal "nothing was written in part" 0 "$(get writes_partial)"
check_equal "nothing was read with something cached" 0 "$(get dirty_reads)"

# Programs tell by this that it is no drive.
check_equal "CDROM_GET_CAPABILITY is unknown" ENOTTY "$(disk "$node" ro ioctl:0x5331)"
check_equal "G3: CDROM_LAST_WRITTEN goes to the drive" ok "$(disk "$node" ro ioctl:0x5395)"
check_equal "G3: so do commands" ok "$(disk "$node" ro packet:120000002400:36)"
check_equal "G37: but none that write behind our back" EBUSY \
	"$(disk "$node" rw packet:2a000000000000000100:0)"
is_locked="run:bash -c '. tests/lib/drive.sh; test \$(drive_get @$drive locked) ="
check_equal "who has it open alone may unlock the door, until somebody opens it" "ok rc=0 rc=0 rc=0" \
	"$(disk "$node" ro ioctl:0x5329:0 "$is_locked 0'" "run:python3 tests/optical/lib/disk.py $node ro" "$is_locked 1'")"
check_equal "an eject by the only opener goes to the drive" ok "$(disk "$node" ro ioctl:0x5309)"
check_equal "the tray is open" 1 "$(get tray_open)"
check_equal "who only looks leaves it open" "ENOMEDIUM ENOMEDIUM 1" \
	"$(disk "$node" nonblock) $(disk "$node" ro) $(get tray_open)"
check_equal "a writer closes it, as one of the drive would" ok "$(disk "$node" rw check:0:2048:b)"
check_equal "an eject takes what was written along" "ok ok" \
	"$(disk "$node" rw-cached write:131072:4096:e ioctl:0x5309)"
order load
check_equal "it is on the disc" ok "$(disk "$node" ro check:131072:4096:e)"

# A disc that cannot be written.
order insert cdrw,blocks=4096,erasable=0 >/dev/null
check_equal "a disc that is not erasable is not opened for writing" EROFS "$(disk "$node" rw)"
check_equal "but for reading" ok "$(disk "$node" ro read:0:2048)"
check_equal "G32: and the disk says so" "rc=0" \
	"$(disk "$node" ro "run:test \$(cat /sys/block/$name/ro) = 1")"
check_equal "G11: the tray is unlocked after all that" 0 "$(get locked)"
order insert cdrw,blocks=2048 >/dev/null
check_equal "another disc has its own size" "rc=0 ok" \
	"$(disk "$node" rw "run:test \$(cat /sys/block/$name/size) = 8192" write:0:65536:c)"
check "unmapping works" unmap "$name"
ktap_finished
