# SPDX-License-Identifier: GPL-2.0
#
# Prints every complaint in a kernel log with what follows it, and fails if
# there was one.

function complaint(line) {
	# A stack dump that fault injection was asked for is no complaint.
	if (line ~ /FAULT_INJECTION: forcing a failure/)
		return 0
	return line ~ /(BUG|WARNING|KASAN|KFENCE|KCSAN|UBSAN|ODEBUG|Oops): ?/ ||
	       line ~ /Oops|[Kk]ernel panic|general protection fault/ ||
	       line ~ /[Uu]nable to handle|Internal error:|stack-protector/ ||
	       line ~ /possible (recursive|circular|irq lock inversion)/ ||
	       line ~ /suspicious RCU usage|inconsistent lock state/ ||
	       line ~ /sleeping function called|scheduling while atomic/ ||
	       line ~ /INFO: (task .* blocked|rcu.*detected|lockdep)/ ||
	       line ~ /rcu: INFO:|detected stall|soft lockup|hard LOCKUP/ ||
	       line ~ /kmemleak: [1-9][0-9]* new suspected/ ||
	       line ~ /refcount_t:|list_(add|del) corruption|Objects remaining/ ||
	       line ~ /cannot create duplicate filename/ ||
	       line ~ /rust_kernel: panicked|Out of memory: Killed/ ||
	       line ~ /^(\[[^]]*\])? *not ok /
}

{ sub(/\r$/, "") }
complaint($0) && !left { print "-- kernel log, line " NR ":" }
complaint($0) { found++; left = 60 }
left > 0 && printed < 400 { print; left--; printed++ }
END {
	if (found)
		printf("-- %d lines of complaint\n", found)
	exit found > 0
}
