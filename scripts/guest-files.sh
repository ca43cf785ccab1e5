#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest-files.sh DIRECTORY: copies to DIRECTORY what a test needs in a guest that does not see this
# machine's files ("scripts/vm --in-memory"): a shell, the usual programs, Python with a few modules,
# the libraries of all these, and the scripts of this tree.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
dir=${1:?}
PATH=/usr/sbin:/usr/bin:/sbin:/bin

programs=(awk bash busybox cmp find grep gzip ip nbd-client od sed sh xargs zgrep
	blockdev dmsetup flock insmod losetup mkfs.ext4 mkswap modprobe mount mountpoint rmmod setsid swapoff swapon umount
	basename cat chmod cp cut date dd dirname env head hostname id ln ls mkdir mktemp mv nproc printf
	readlink realpath rm rmdir seq sleep sort stat stty tail tee test timeout touch tr uname wc)
# What the scripts import.
modules='errno, fcntl, mmap, os, sys, time'

# libraries FILE...: prints what they are linked with.
libraries() {
	local file
	for file; do
		ldd "$file" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' || :
	done
}

mkdir -p "$dir"/{dev,etc/modprobe.d,mnt,proc,root,run,sys,tmp,usr/bin,usr/lib,usr/lib64,usr/sbin,var/tmp}
ln -s usr/bin usr/lib usr/lib64 usr/sbin "$dir/"
files=()
for program in "${programs[@]}"; do
	found=$(type -P "$program") || die "there is no $program"
	cp -L "$found" "$dir/usr/bin/$program"
	files+=("$found")
done
server=$RBLK_TOP/target/release/rblk-nbd-server
if [ -x "$server" ]; then
	mkdir -p "$dir${server%/*}"
	cp "$server" "$dir$server"
	files+=("$server")
fi
python=$(/usr/bin/python3 -c 'import sys; print(sys.executable)')
cp -L "$python" "$dir/usr/bin/python3"
# os.py is where it finds its place by.
mapfile -t imported < <("$python" -SE -c "import $modules
for module in list(sys.modules.values()):
    for name in ('__file__', '__cached__'):
        path = getattr(module, name, None)
        if path and os.path.exists(path):
            print(path)" | sort -u)
cp --parents "${imported[@]}" "$dir/"
while read -r path; do
	mkdir -p "$dir${path%/*}"
	cp -L "$path" "$dir$path"
done < <(libraries "${files[@]}" "$python" "${imported[@]}" | sort -u)
cd "$RBLK_TOP"
find Kbuild scripts tests \( -name Kbuild -o -name '*.sh' -o -name '*.py' -o -name 'guest*' \) -type f -print0 |
	xargs -0 cp --parents -t "$dir$(mkdir -p "$dir$RBLK_TOP" && echo "$RBLK_TOP")"
