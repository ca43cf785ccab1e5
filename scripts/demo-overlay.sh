# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# demo-overlay.sh: the part of demo.sh that shows a copy-on-write disk, and sourced by it. A file system
# in an image file is changed through a disk over it; the image file stays as it was, until the
# changes are merged.
# shellcheck disable=SC2154 # set by demo.sh

PATH=$top/target/release:$PATH
over=/mnt/over
base_files=20

step "$number. A copy-on-write disk: a file system in a file, and a disk over that file. What is written
   goes to an image beside it."
mkdir -p overlay/tree $over
head -n $base_files "$RBLK_SCRATCH/ours.names" >overlay/names
(cd "$top" && xargs cp --parents -t "$RBLK_SCRATCH/overlay/tree" <"$RBLK_SCRATCH/overlay/names") ||
	failed 'no files for the image'
cd overlay || failed 'no directory'
run truncate -s 32M base
run mkfs.ext4 -q -d tree base
shown 'sha256sum base > base.sum'
sha256sum base >base.sum || failed 'base cannot be read'
run ubd create work.cow base
run ubd add work.cow
read -r cow_disk _ < <(tail -n 1 /sys/class/ubd/device_map) || failed 'no copy-on-write disk'

step "$((number + 1)). The file system on it is changed: a file is gone, one has other contents, one is new."
run mount "/dev/$cow_disk" $over
read -r gone <names
other=$(sed -n 2p names)
run rm "$over/$gone"
put 'other contents' "$over/$other"
run cp ../sums "$over/new"
if ! { rm "tree/$gone" && echo 'other contents' >"tree/$other" && cp ../sums tree/new; }; then
	failed 'no copy'
fi
run umount $over
run ubd status "$cow_disk"
run sha256sum -c base.sum
run ubd remove "$cow_disk"

step "$((number + 2)). Merged into a new file, it is a file system with the changes."
run ubd merge work.cow merged
run e2fsck -fn merged
run mount -o ro,loop merged $over
shown "diff -r tree $over"
diff -r -x lost+found tree $over || failed 'the merged file system is another one'
echo '    no difference'
run umount $over
run sha256sum -c base.sum
cd ..
