#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dkms-tree.sh PARTS VERSION [DESTDIR]    install what DKMS builds the modules from: the sources, as
#                                         /usr/src/rblk-VERSION, with what pack-parts.sh has left in
#                                         the directory PARTS; the choice of drivers, in
#                                         /etc/modprobe.d; what the packages say, in /usr/libexec
#
# Of DESTDIR nothing else is touched. "dkms install rblk/VERSION" is left to the caller.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd -P)
parts=$(realpath "$1") version=$2 dest=${3:-}
tree=$dest/usr/src/rblk-$version
scripts=(dkms-build.sh stock-build.sh rust-kdir.sh rust-parts.sh self-contained.sh rust-print.py
	doc-examples.py)

# Lines 7.2 and 7.3 become "7\\.2|7\\.3", for sed.
series=$(find "$parts" -name 'linux-rust-*.tar.xz' | sed 's/.*linux-rust-//;s/\.tar\.xz$//' | sort -V)
[ -n "$series" ] || { echo "error: no linux-rust-*.tar.xz in $1" >&2; exit 1; }
pattern=${series//./\\\\.}
pattern=${pattern//$'\n'/|}

rm -rf "$tree"
install -d "$tree/scripts" "$tree/tests/drive/lib" "$tree/rust-parts"
cp -r "$top/Kbuild" "$top/drivers" "$top/rust" "$tree"
# Not part of any module.
rm -rf "$tree/rust/host"
find "$tree" -type f \( -name '.*' -o -name '*_generated.rs' -o -name '*.o' \) -delete
cp "${scripts[@]/#/$top/scripts/}" "$tree/scripts"
sed -i '1s|/usr/bin/env python3|/usr/bin/python3|' "$tree"/scripts/*.py
# A kernel that runs KUnit tests has tests of ours built, too.
cp "$top/tests/drive/lib/scsi_timeouts.c" "$tree/tests/drive/lib"
cp "$parts"/linux-rust-*.tar.xz "$tree/rust-parts"
sed -e "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$version\"/" \
	-e "s/^BUILD_EXCLUSIVE_KERNEL=.*/BUILD_EXCLUSIVE_KERNEL=\"^($pattern)[^0-9]\"/" \
	"$top/dkms.conf" >"$tree/dkms.conf"
install -d "$dest/etc/modprobe.d"
[ -e "$dest/etc/modprobe.d/rblk.conf" ] ||
	install -m 644 "$top/tools/system/modprobe.conf" "$dest/etc/modprobe.d/rblk.conf"
install -D -m 755 "$top/scripts/dkms-notes.sh" "$dest/usr/libexec/rblk-dkms-notes"
