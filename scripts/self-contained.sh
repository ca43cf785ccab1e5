#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# self-contained.sh KO...: fail, naming them, if modules want Rust symbols of the
# kernel, or have it print what is Rust's (%pA). One that was built with RB_STATIC=y
# must not: the kernel's Rust code may be of another compiler, or there is none.
set -eu

found=0
for ko; do
	wanted=$(${NM:-nm} -u "$ko") || exit 1
	wanted=$(printf '%s\n' "$wanted" | awk '$2 ~ /^(_R|_ZN|rust_|__rust)/ { print "\t" $2 }')
	if [ -n "$wanted" ]; then
		printf '%s wants of the kernel:\n%s\n' "$ko" "$wanted" >&2
		found=1
	fi
	if grep -qaF '%pA' "$ko"; then
		printf '%s prints with %%pA\n' "$ko" >&2
		found=1
	fi
done
exit "$found"
