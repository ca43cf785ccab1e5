#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# self-contained.sh KO...: fail, naming them, if modules want Rust symbols of the
# kernel. One that was built with RB_STATIC=y must not: the kernel's may be of
# another compiler, and their names do not tell that of types.
set -eu

found=0
for ko; do
	wanted=$(${NM:-nm} -u "$ko") || exit 1
	wanted=$(printf '%s\n' "$wanted" | awk '$2 ~ /^(_R|_ZN|rust_|__rust)/ { print "\t" $2 }')
	if [ -n "$wanted" ]; then
		printf '%s wants of the kernel:\n%s\n' "$ko" "$wanted" >&2
		found=1
	fi
done
exit "$found"
