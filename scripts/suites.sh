#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# suites.sh: what make suites does. stress-ng and fsx on file systems on disks of ours, and stress-ng
# with memory that is swapped to one, in a guest (KERNEL=, fast). DURATION= seconds for each (20).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

version=0.3.2
scripts/deps.sh build rust vm suites
fsx=$RBLK_CACHE/fsx-$version
[ -x "$fsx/bin/fsx" ] || step "building fsx $version" 0 \
	cargo install --locked --root "$fsx" --version "$version" fsx
mkdir -p build
seconds=${DURATION:-20}
exec scripts/vm --kernel "${KERNEL:-fast}" --timeout $((600 + seconds * 30)) --log build/suites.kernel.log \
	-- tests/torture/lib/suites "$seconds" "$fsx/bin/fsx"
