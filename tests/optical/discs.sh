#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 150
#
# Discs that are cut in other ways, drives whose replies lie, and openings that fail: more of what was
# wrong with the C driver, see defects.sh.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 41
fresh 0

# looks WANTED WHAT: the disc is opened for writing, or that fails, at once, as it should.
looks() {
	check_equal "G20: $2" "$1" "$(timeout "$(patience 60)" python3 "$OPTICAL/disk.py" "$node" rw size)"
	order set pristine
}
right=33554432/65536

# Replies that lie about their length, or are cut: a disc has the size that it has, and its packets, or
# it is not taken.
while read -r reply wanted; do
	order set "patch=$reply"
	looks "$wanted" "a drive that says ${reply#*:} at ${reply%%:*}"
done <<-END
	51@0:ff:ff $right
	51@0:0:0 EIO
	52@0:ff:ff $right
	52@0:0:1 EIO
	5a@0:ff:ff $right
	5a@6:ff:ff EIO
	5a@6:0:40 EIO
	5a@9:ff EIO
	46@0:ff:ff:ff:ff $right
	46@8:ff:ff:ff:ff $right
	43@0:ff:ff $right
	25@0:ff:ff:ff:ff $right
END
while read -r reply wanted; do
	order set "cut=$reply"
	looks "$wanted" "a drive that says no more than ${reply#*@} bytes to ${reply%@*}"
done <<-END
	51@1 EIO
	52@7 ENXIO
	5a@9 EIO
	46@5 EROFS
END
# Without tracks it is the capacity that counts; that of no disc is 8 TiB.
order insert dvd+rw,blocks=16384 >/dev/null
order set unsupported=52
looks 33554432/32768 "a drive that knows no tracks"
order set unsupported=52
order set patch=25@0:ff:ff:ff:ff
looks EIO "a drive that knows no tracks, and says ff:ff:ff:ff at 25@0"
order insert cdrw,blocks=16384 >/dev/null
check_equal "G20: after all that it works" "ok ok" "$(disk "$node" rw write:0:2048:j fsync)"

# Discs that are cut in other ways.
order insert cdrw,blocks=4096,start=16 >/dev/null
order reset-stats
check_equal "G21: a track that starts in a packet" "ok ok ok" \
	"$(disk "$node" rw write:32768:2048:k write:100352:131072:k check:100352:131072:k)"
check "G21: its packets are counted from there" faultless
check_equal "G21: nothing is in front of it" EIO "$(disk "$node" rw write:0:2048:k)"
order insert cdrw,blocks=4096 >/dev/null
for size in EROFS:40:0:0:20 EROFS:0:0:0:81 EROFS:ff:ff:ff:ff ENXIO:0:0:0:0 ok:0:0:0:18; do
	order set "patch=52@20:${size#*:}"
	check_equal "G21: a packet size of ${size#*:}" "${size%%:*}" "$(disk "$node" rw)"
	order set pristine
done

# Setup.
check_equal "G22: a drive that is not there is not mapped" ENXIO "$(errno_of $PKT/add 11:99)"
check_equal "G22: nor one twice" EBUSY "$(errno_of $PKT/add "$(number "$sr")")"
order set unsupported=51:52
opens() {
	for _ in {1..5}; do
		[ "$(disk "$node" rw)" != ok ] || return
	done
}
check "G22: opens that fail" opens
check_equal "G11: leave the tray unlocked" 0 "$(get locked)"
check_equal "G22: and the drive to others" ok "$(disk "$sr" excl)"
order set pristine
check_equal "G22: then it works" "ok ok" "$(disk "$node" rw write:0:2048:l fsync)"

# What came after the C driver.
fresh 2
for profile in 2a 52 02; do
	order insert "dvd+rw,blocks=4096,profile=$profile" >/dev/null
	check_equal "G15: profile $profile" "ok ok" "$(disk "$node" rw write:2048:65536:m check:2048:65536:m)"
done
for profile in 14 1b 11 41; do
	order insert "dvd+rw,blocks=4096,profile=$profile" >/dev/null
	check_equal "G15: profile $profile is not for packets" EROFS "$(disk "$node" rw)"
done
check "G15: the drive is pleased with all that" faultless
clean_up
ktap_finished
