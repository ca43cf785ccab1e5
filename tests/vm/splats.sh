#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
#
# Which lines of a kernel log are complaints, in the kernel's own words.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
splats=$(dirname "$0")/../../scripts/splats.awk

complaints=(
	'BUG: KASAN: slab-use-after-free in foo+0x1/0x2 [rblk]'
	'WARNING: CPU: 0 PID: 1 at block/bio.c:12 foo+0x1/0x2'
	'WARNING: block/bio.c:12 at foo+0x1/0x2, CPU#1: fio/100'
	'WARNING: possible circular locking dependency detected'
	'WARNING: possible recursive locking detected'
	'BUG: sleeping function called from invalid context at mm/page_alloc.c:1'
	'BUG: scheduling while atomic: fio/100/0x00000002'
	'BUG: kernel NULL pointer dereference, address: 0000000000000000'
	'Oops: general protection fault, maybe for address 0x1: 0000 [#1] SMP KASAN'
	'UBSAN: array-index-out-of-bounds in drivers/x.c:1:2'
	'INFO: task fio:100 blocked for more than 60 seconds.'
	'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'
	'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [fio:100]'
	'kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)'
	'ODEBUG: free active (active state 0) object: 00000000 object type: work_struct'
	'refcount_t: underflow; use-after-free.'
	'Kernel panic - not syncing: Fatal exception'
	'rust_kernel: panicked at drivers/block/ram/disk.rs:1:2:'
	'Out of memory: Killed process 100 (fio)'
	'    not ok 2 a_kunit_case'
	'not ok 1 a_kunit_suite'
	'INFO: trying to register non-static key.'
	'turning off the locking correctness validator.'
	'BUG: MAX_LOCKDEP_CHAINS too low!'
	'kmemleak: Kernel memory leak detector disabled'
	'kmemleak: Cannot allocate a kmemleak_object structure'
	'kmemleak: Memory pool empty, consider increasing CONFIG_DEBUG_KMEMLEAK_MEM_POOL_SIZE'
	'kobject: kobject (0000000000000001): tried to init an initialized object, something is seriously wrong.'
	"debugfs: 'nbd0' already exists in 'nbd'"
	'** 4711 printk messages dropped **'
	'foo_warn: 12 callbacks suppressed'
	'fio: 12 output lines suppressed due to ratelimiting'
	'BUG kmalloc-64 (Tainted: G           O       ): Right Redzone overwritten'
	'rblk-vm: complaint: lockdep has turned itself off'
)
harmless=(
	'rblk: loading out-of-tree module taints kernel.'
	'    ok 2 a_kunit_case'
	'Buffer I/O error on dev rram0, logical block 1, lost async page write'
	'kmemleak: Kernel memory leak detector initialized (mem pool available: 15000)'
	'debug: unmapping init [mem 0x1-0x2]'
	'FAULT_INJECTION: forcing a failure.'
	'EXT4-fs warning (device rram0): ext4_end_bio:1: I/O error 10 writing to inode 12'
	'sh: page allocation failure: order:0, mode:0xcc0(GFP_KERNEL)'
	'blk_print_req_error: 30 callbacks suppressed'
	'buffer_io_error: 30 callbacks suppressed'
	'scsi_io_completion_action: 18 callbacks suppressed'
	'rblk: 202 callbacks suppressed'
	'rblk-vm: checked: leaks were looked for,lockdep is on'
	'kunit: disabled'
)
oops='Oops: int3: 0000 [#1] SMP'
rip='RIP: 0010:enqueue_task_fair+0x353/0x5e0'
gone='Code: 0f 1f 44 00 00 e8 13 ed 00 00 e9 4c fe ff ff 0f <1f> 44 00 00 48 81'
there='Code: 0f 1f 44 00 00 e8 13 ed 00 00 e9 4c fe ff ff cc <1f> 44 00 00 48 81'
idle='Code: f3 0f 1e fa eb 07 0f 00 2d 79 6a 06 00 fb f4 <fa> c3 66 66 2e 0f 1f'
race='BUG: KCSAN: data-race in blk_mq_start_request / foo'
in_ours=' foo+0x1/0x2 [rblk]'
in_others=' foo+0x1/0x2'
line_of_races='=================================================================='
died='Kernel panic - not syncing: Fatal exception in interrupt'
ktap_plan $((${#complaints[@]} + ${#harmless[@]} + 14))

judge() {
	{
		echo '[    1.000000] Linux version 7.2.12'
		printf '[    2.000000] %s\n' "$@"
	} | awk -f "$splats"
}

verdict() {
	judge "$@" >/dev/null
	echo $?
}

for line in "${complaints[@]}"; do
	check_fails "complaint: $line" judge "$line"
done
for line in "${harmless[@]}"; do
	check "harmless: $line" judge "$line"
done
check_equal "a breakpoint trap without a breakpoint is the emulator's" 2 \
	"$(verdict "$oops" "$rip" "$gone" "$idle" "$rip" "$gone" "$died")"
check_equal "with one it is the kernel's" 1 \
	"$(verdict "$oops" "$rip" "$there" "$idle" "$rip" "$there" "$died")"
check_equal "the code has to be known" 1 \
	"$(verdict "$oops" "$rip" 'Code: Unable to access opcode bytes at 0x1.' "$died")"
check_equal "what complains earlier counts" 1 \
	"$(verdict "${complaints[0]}" "$oops" "$rip" "$gone" "$died")"
check_equal "a data race with ours counts" 1 \
	"$(verdict "$race" "$in_ours" "$line_of_races" fine)"
check_equal "one without does not" 0 \
	"$(verdict "$race" "$in_others" "$line_of_races" fine)"
check_equal "and hides nothing behind it" 1 \
	"$(verdict "$race" "$in_others" "$line_of_races" "${complaints[0]}")"
check_equal "nor in it" 1 \
	"$(verdict "$race" "$in_others" "${complaints[0]}" "$in_others")"
check_equal "one with ours counts when another cuts it short" 1 \
	"$(verdict "$race" "$in_ours" "$race" "$in_others" "$line_of_races")"
check_equal "another trap is the kernel's" 1 \
	"$(verdict 'Oops: invalid opcode: 0000 [#1] SMP' "$rip" "$gone" "$died")"
check_equal "what complains after a breakpoint trap counts, too" 1 \
	"$(verdict "$oops" "$rip" "$gone" "${complaints[0]}" "$died")"
check_equal "with the time that a kernel may print, and the task" 1 \
	"$(echo '[    2.000000][   T12] not ok 1 a_kunit_suite' | awk -f "$splats" >"$ktap_output"; echo $?)"
check_equal "no leak detector is fine if it was not wanted" 0 \
	"$(verdict 'Command line: kmemleak=off x' 'kmemleak: Kernel memory leak detector disabled')"
check "the test that ran then is named" grep -q 'during tests/x.sh' \
	<<<"$(judge 'rblk-vm: tests/x.sh' "${complaints[0]}")"
ktap_finished
