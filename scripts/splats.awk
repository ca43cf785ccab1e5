# SPDX-License-Identifier: GPL-2.0
#
# Prints every complaint in a kernel log with what follows it, and fails if
# there was one: with status 2 if the first, and with it all that came of it, was
# a breakpoint trap without a breakpoint. A data race is one if it has to do with
# our modules; the kernel has many of its own.

# Where kernel code is patched while it runs there is a breakpoint, 0xcc, for a
# moment. QEMU's emulation (7.2 does, now and then) may trap on one that another
# processor has taken away again. An oops marks the byte behind the trap: what is
# in front of it is then the first byte of an instruction.
function no_breakpoint(code) {
	return code ~ /Code:.* [0-9a-f][0-9a-f] <[0-9a-f][0-9a-f]>/ && code !~ / cc </
}

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

# A report of KCSAN goes to a line of =, if that is not lost. Other complaints in it count.
function end_of_race() {
	if (race ~ /\[(rblk|nbd|rb_kunit)\]/) {
		print race
		found++
	}
	race = ""
}

{ sub(/\r$/, "") }
/BUG: KCSAN:/ { end_of_race(); race = "-- kernel log, line " NR ":\n" $0; next }
race != "" && /=====/ { end_of_race() }
race != "" { race = race "\n" $0 }
race != "" && !complaint($0) { next }
complaint($0) && !left { print "-- kernel log, line " NR ":" }
complaint($0) { found++; left = 60 }
complaint($0) && found == 1 { trapped = /Oops: int3:/ }
trapped && /Code:/ { phantom = no_breakpoint($0); trapped = 0 }
left > 0 && printed < 400 { print; left--; printed++ }
END {
	end_of_race()
	if (found)
		printf("-- %d lines of complaint\n", found)
	exit found ? 1 + phantom : 0
}
