# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For the tests of copy-on-write disks: files are in RBLK_SCRATCH, where this goes.

CLASS=/sys/class/ubd
# shellcheck disable=SC2034 # for those who source this
UBD_LIB=$(cd "$(dirname "$0")" && pwd)/lib
UBD_DISK=ubda
cd "${RBLK_SCRATCH:?}" || exit 1

# some NUMBER: so many of what is random, and a quarter of that on the debug kernel, which looks at locks
# and memory: each path is taken there, too, and all that is compared with a model is done on the other.
some() {
	if [ -e /proc/lockdep_stats ]; then
		echo $(($1 / 4))
	else
		echo "$1"
	fi
}

# random_file NAME BYTES: data of its own, the same in each run.
random_file() {
	python3 -c '
import random, sys
random.seed(sys.argv[1])
open(sys.argv[1], "wb").write(random.randbytes(int(sys.argv[2])))
' "$1" "$2"
}

# fresh BYTES: a backing file "back" and an image "cow", by the tool that is not ours.
fresh() {
	rm -f back cow out
	random_file back "$1" && uml_mkcow cow "$PWD/back"
}

# add WORD...: the disk is there when this returns.
add() {
	write_to "$CLASS/add" "$*" && wait_for 10 test -b "/dev/$UBD_DISK"
}

# Whoever looks at a new disk may have it open for a moment.
remove_now() {
	write_to "$CLASS/remove" "$UBD_DISK"
}

remove() {
	wait_for 20 remove_now
}

# attribute NAME
attribute() {
	cat "/sys/block/$UBD_DISK/ubd/$1"
}

# flushed: all that was written is in the image.
flushed() {
	write_to "/sys/block/$UBD_DISK/ubd/sync" 1
}

# merged_is FILE: what uml_moo makes of the image is the file.
merged_is() {
	rm -f out
	uml_moo cow out && cmp out "$1"
}

# device_image COW BACKING: an image on a block device, over another one; no tool that is not ours makes
# such a thing.
device_image() {
	python3 - "$1" "$2" "$(stat -c %Y "$2")" "$(blockdev --getsize64 "$2")" <<-'END'
		import struct, sys
		cow, backing, mtime, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
		header = struct.pack(">4sIIQIII", b"OOOM", 3, mtime & 0xFFFFFFFF, size, 512, 4096, 0)
		with open(cow, "r+b") as file:
		    file.write((header + backing.encode()).ljust(8192, b"\0"))
		    file.write(bytes(-(-size // 4096 // 4096) * 4096))
	END
}
