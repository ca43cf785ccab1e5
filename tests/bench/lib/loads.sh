# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Loads of files, for guests that measure packet devices: in the directory $MNT, from files that
# make_loads makes in the directory one is in. Sourced after tests/lib/ktap.sh.

loads_top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../..")

# make_loads MIB: the tree of files, as an archive, a directory and a repository; and a large file.
make_loads() {
	random_file large $(($1 << 20))
	tar -C "$loads_top" -cf tree.tar drivers rust scripts
	mkdir tree && tar -C tree --no-same-owner -xf tree.tar
	make_repository >git.log 2>&1
}
make_repository() {
	git init -q repository && cp -r tree/drivers/block repository/ && git -C repository add . &&
		git -C repository -c user.name=bench -c user.email=bench@localhost commit -qm tree
}

# Loads on a file system, in the directory that is mounted.
load_file() { cp large "$MNT/"; }
load_copy() { cp -r tree "$MNT/"; }
load_untar() { mkdir "$MNT/untar" && tar -C "$MNT/untar" --no-same-owner -xf tree.tar; }
# The same without tar, which often writes a file's first bytes by themselves. UDF keeps so few in the inode,
# and when more come has them written as if somebody waited for that.
load_unpack() { python3 -c 'import sys, tarfile; tarfile.open("tree.tar").extractall(sys.argv[1])' "$MNT/unpack"; }
load_clone() { git clone -q --no-hardlinks repository "$MNT/clone" >git.log 2>&1; }
# Messages are marked as read, and new ones come, each safe before the next.
load_mailbox() {
	python3 -c '
import os, random, sys
rng = random.Random(1)
box = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(box, os.urandom(512 << 10))
os.fsync(box)
for message in range(40):
    os.pwrite(box, b"R", rng.randrange(512 << 10))
    if message % 4 == 0:
        os.lseek(box, 0, os.SEEK_END)
        os.write(box, os.urandom(3000))
    os.fsync(box)
' "$MNT/mailbox"
}
