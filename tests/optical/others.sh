#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 90
#
# File systems of the kinds that other systems make on discs, made by mkudffs: a CD-RW with a sparing
# table, and discs with a virtual allocation table, which are written once. What the kernel can do
# with them on the drive itself, it can do on the packet device. The guide has these in a table.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"

ktap_plan 18
kept=$RBLK_SCRATCH/sums
copy() { cp -r "$top/drivers/block/pktcdvd" "$MNT/"; }

# CD-RW with a sparing table: UDF 1.50 and 2.01.
for revision in 1.50 2.01; do
	fresh 0 cdrw,blocks=8192
	check "sparing, UDF $revision: made" mkudffs --media-type=cdrw --spartable=2 --udfrev="$revision" "$node"
	check "sparing, UDF $revision: written" mounted "$node" rw keeps "$kept" copy
	check "sparing, UDF $revision: read" mounted "$node" ro same "$kept"
	check "sparing, UDF $revision: the drive is pleased" faultless
	unmap "$name"
	check "sparing, UDF $revision: read from the drive" mounted "$sr" ro same "$kept"
done

# Discs with a virtual allocation table. The emulated disc is a CD-RW when it is made, and a CD-R from
# then on: profile, disc status and erasable bit are those of one.
# once REVISION: such a disc is in the drive, and mapped.
once() {
	fresh 0 cdrw,blocks=4096
	mkudffs --media-type=cdr --minblocks=4096 --label=once --udfrev="$1" "$node" || return
	unmap "$name"
	order set patch=46@6:0:9
	order set patch=51@2:e
	name=$(map "$sr") && node=$(node "$name")
}
label() { [ "$(blkid -p -s LABEL -o value "$1")" = once ]; }
check "VAT, UDF 2.01: made" once 2.01
check "VAT, UDF 2.01: its label is seen" label "$node"
check "VAT, UDF 2.01: mounted" mounted "$node" ro test -d "$MNT"
order reset-stats
check_fails "VAT, UDF 2.01: cannot be written" mounted "$node" rw touch "$MNT/file"
check_equal "VAT, UDF 2.01: nor is it tried" 0 "$(get writes_rejected)"
unmap "$name"
check "VAT, UDF 2.01: mounted from the drive" mounted "$sr" ro test -d "$MNT"

# Linux 7.2 finds no file set on those of mkudffs 2.3.
outcome() {
	if mounted "$1" ro true 2>/dev/null; then echo mounted; else echo refused; fi
}
check "VAT, UDF 1.50: made" once 1.50
above=$(outcome "$node")
unmap "$name"
check_equal "VAT, UDF 1.50: mounted, or refused, as on the drive" "$(outcome "$sr")" "$above"
clean_up
ktap_finished
