# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Optical drives as tests of the drives use them. Sourced after tests/lib/ktap.sh and
# tests/lib/drive.sh.

MMC=$(dirname "${BASH_SOURCE[0]}")/mmc.py
BLOCK=2048

# pattern BYTE BLOCKS: prints so many blocks of a character.
pattern() {
	head -c $(($2 * BLOCK)) /dev/zero | tr '\0' "$1"
}

# character NODE BLOCK: the first of a block, as the disc has it.
character() {
	dd if="$1" bs=$BLOCK skip="$2" count=1 iflag=direct status=none | head -c 1 | tr '\0' 0
}

# put NODE BLOCK BYTE BLOCKS: writes with one command of the block layer.
put() {
	pattern "$3" "$4" | dd of="$1" bs=$(($4 * BLOCK)) count=1 seek=$(($2 * BLOCK)) \
		oflag=direct,seek_bytes iflag=fullblock conv=notrunc status=none
}

# refused NODE BLOCK BLOCKS: the sense with which the drive refuses a write past the block layer.
refused() {
	pattern x "$3" >"$RBLK_SCRATCH/refused"
	"$MMC" "$1" write "$2" "$RBLK_SCRATCH/refused"
}

# read_write NODE: prints "ok" or the error of an open for reading and writing.
read_write() {
	python3 -SE -c '
import errno, os, sys
try:
    os.open(sys.argv[1], os.O_RDWR)
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
' "$1"
}

# tool COMMAND...: a program for discs, which has nobody to ask.
tool() {
	timeout "$(patience 100)" "$@" </dev/null
}

# says PATTERN COMMAND...: it works, and prints a line that matches.
says() {
	local pattern=$1
	shift
	tool "$@" >"$RBLK_SCRATCH/said" 2>&1 || { cat "$RBLK_SCRATCH/said"; return 1; }
	cat "$RBLK_SCRATCH/said"
	grep -qE -e "$pattern" "$RBLK_SCRATCH/said"
}

# counts N NAME...: counters and states of drive N, in a line.
counts() {
	local drive=$1 name
	shift
	for name; do drive_get "@$drive" "$name"; done | xargs
}

# image FILE MIB: so many MiB that are like no others.
image() {
	head -c $(($2 << 20)) /dev/urandom >"$1"
}

# holds NODE FILE: a disc begins with what is in the file.
holds() {
	cmp -n "$(stat -c %s "$2")" "$2" "$1"
}
