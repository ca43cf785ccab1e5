# SPDX-License-Identifier: GPL-2.0
#
# Prints every complaint in a kernel log with what follows it and the test that ran
# then, and fails if there was one: with status 2 if all there was is a breakpoint trap
# without a breakpoint, and the panic that comes of it. A data race is a complaint if it
# has to do with our modules; the kernel has many of its own.

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
	       line ~ /rblk-vm: complaint: / ||
	       line ~ /BUG [^ ]+ \(.*\): / ||
	       line ~ /Oops|[Kk]ernel panic|general protection fault/ ||
	       line ~ /[Uu]nable to handle|Internal error:|stack-protector/ ||
	       line ~ /possible (recursive|circular|irq lock inversion)/ ||
	       line ~ /suspicious RCU usage|inconsistent lock state/ ||
	       line ~ /sleeping function called|scheduling while atomic/ ||
	       line ~ /INFO: (task .* blocked|rcu.*detected|lockdep)/ ||
	       line ~ /INFO: trying to register non-static key/ ||
	       line ~ /turning off the locking correctness validator/ ||
	       line ~ /rcu: INFO:|detected stall|soft lockup|hard LOCKUP/ ||
	       line ~ /kmemleak: [1-9][0-9]* new suspected/ ||
	       line ~ /kmemleak: (Cannot (allocate a kmemleak_object|insert)|Memory pool empty)/ ||
	       (line ~ /kmemleak: .*detector disabled/ && !leaks_off) ||
	       line ~ /refcount_t:|list_(add|del) corruption|Objects remaining/ ||
	       line ~ /cannot create duplicate filename/ ||
	       line ~ /tried to init an initialized object/ ||
	       line ~ /debugfs: .* already exists/ ||
	       line ~ /printk messages dropped|lines suppressed due to ratelimiting/ ||
	       (line ~ /callbacks suppressed/ && line !~ may_be_limited) ||
	       line ~ /rust_kernel: panicked|Out of memory: Killed/ ||
	       line ~ /^(\[[^]]*\])* *not ok /
}

# A report of KCSAN goes to a line of =, if that is not lost. Other complaints in it count.
function end_of_race() {
	if (race ~ /\[(rblk|nbd|rb_kunit)\]/) {
		print race
		found++
	}
	race = ""
}

# What a phantom trap looks like, and what it does: oops=panic.
function may_be_phantom(line) {
	return line ~ /Oops: int3:/ || line ~ /Kernel panic - not syncing: Fatal exception/
}

BEGIN {
	# What tests cause by the hundred: errors of disks and file systems, allocations that are made
	# to fail, disks that come and go, and what our drivers limit themselves. Other messages must
	# all be in the log.
	may_be_limited = "(blk_|bio_|buffer_io_error|scsi_|sd_|sr_|cdrom|set_capacity_and_notify|" \
			 "EXT4-fs|ext4_|__ext4_|udf_|UDF-fs|dm_|dm-|device-mapper|null_blk|loop|" \
			 "warn_alloc|fail_dump|should_fail|net_ratelimit|rblk|nbd|pktcdvd)[^:]*: [0-9]+ callbacks"
}

{ sub(/\r$/, "") }
/ommand line: .*kmemleak=off/ { leaks_off = 1 }
/rblk-vm: (start|tests\/)/ { during = $0; sub(/.*rblk-vm: /, "", during) }
/BUG: KCSAN:/ { end_of_race(); race = "-- kernel log, line " NR ":\n" $0; next }
race != "" && /=====/ { end_of_race() }
race != "" { race = race "\n" $0 }
race != "" && !complaint($0) { next }
complaint($0) && !left {
	print "-- kernel log, line " NR (during == "" ? "" : ", during " during) ":"
}
complaint($0) { found++; left = 60 }
complaint($0) && !may_be_phantom($0) { others++ }
complaint($0) && found == 1 { trapped = /Oops: int3:/ }
trapped && /Code:/ { phantom = no_breakpoint($0); trapped = 0 }
left > 0 && printed < 400 { print; left--; printed++ }
END {
	end_of_race()
	if (found)
		printf("-- %d lines of complaint\n", found)
	exit found ? 1 + (phantom && !others) : 0
}
