#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-timeout: 180
#
# Each allocation of each operation may fail: the operation works all the same, or says so and leaves
# nothing behind. RBLK_SEED= for other ones of them.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/torture/lib/rounds.sh
. "$(dirname "$0")/lib/rounds.sh"

operations=('ram add' 'ram add prealloc=1' 'ram add front=mq' 'ram write front=bio' 'ram write front=mq'
	'ram grow' 'ram remove' 'packet add' 'packet open' 'packet write' 'packet remove'
	'packet settings' 'files read' 'control device opened' 'ubd add' 'ubd remove')
ktap_plan $((1 + ${#operations[@]} * 2))
check "each allocation may fail" round 2 0
for operation in "${operations[@]}"; do
	check_equal "$operation: to the last one" 1 "$(counted "sweep, $operation: all allocations")"
	# Packets are gathered and written by a thread, which waits for memory.
	[ "$operation" = 'packet write' ] ||
		check "$operation: an error says so" done_some "sweep, $operation: refused"
done
check_equal "no others" "${#operations[@]}" "$(counted sweeps)"
ktap_finished
