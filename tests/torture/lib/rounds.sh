# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rounds of make torture as tests, and what was done in them. Sourced after tests/lib/ktap.sh.

torture=$(dirname "${BASH_SOURCE[0]}")/..
seed=${RBLK_SEED:-1}
ktap_msg "seed $seed"

# round NUMBER SECONDS: with all kinds of disks, and longer if it takes longer to do all of it.
round() {
	local log=$RBLK_SCRATCH/round status
	"$torture/guest.py" --seed "$seed" --first "$1" --rounds 1 --round-seconds "$2" --cover >"$log" 2>&1
	status=$?
	cat "$log"
	sed -n 's/^# done //p' "$log" >"$RBLK_SCRATCH/done"
	return $status
}

# counted KIND: how often this was done in the last round.
counted() {
	python3 -SE -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], 0))' "$1" <"$RBLK_SCRATCH/done"
}

done_some() {
	[ "$(counted "$1")" -gt 0 ]
}
