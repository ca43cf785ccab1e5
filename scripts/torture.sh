#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# torture.sh: what make torture does. Guests in which many processes do random things to disks of all
# drivers while their data is checked, memory runs out, lower devices fail and vanish, processors and the
# module come and go; and guests whose power is cut. KERNEL= (debug), DURATION= seconds (600). All
# that is random follows from SEED=. What fails can be repeated alone: ROUND=N, one round of a
# seed; CUTS=N, the first N power cuts. The report is also in build/torture/report.json.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RBLK_TOP"

kernel=${KERNEL:-debug}
scripts/deps.sh build rust vm
scripts/module.sh "$kernel" >/dev/null
options=(--kernel "$kernel" --duration "${DURATION:-600}")
[ -z "${SEED:-}" ] || options+=(--seed "$SEED")
[ -z "${ROUND:-}" ] || options+=(--round "$ROUND")
[ -z "${CUTS:-}" ] || options+=(--cuts "$CUTS")
exec tests/torture/run.py "${options[@]}"
