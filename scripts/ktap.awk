# SPDX-License-Identifier: GPL-2.0
#
# Reads the output of tests between "# rblk: begin TEST" and "# rblk: end TEST
# STATUS SECONDS" and prints a line per result, "pass|fail|skip KERNEL TEST: TITLE", behind each
# failure up to four of the last lines that say why, "why LINE", and one for each test,
# "time KERNEL SECONDS TEST". -v where=KERNEL; -v partial=1 if the output may
# end anywhere.

function result(what, title) {
	printf("%s %s %s: %s\n", what, where, test, title)
	count[what]++
}

# Ends the list of reasons of a failure.
function close_failure(	i) {
	for (i = reasons > 4 ? reasons - 3 : 1; i <= reasons; i++)
		print "why " why[i]
	failing = reasons = 0
}

# A test that did not do what it planned, or died without a word, has failed.
function close_test(status, seconds) {
	if (test == "")
		return
	if (status == "" && !partial)
		result("fail", "did not come to an end")
	else if (status == "")
		;
	else if (status == 4 && plan == 0 && !seen)
		result(reason == "" ? "fail" : "skip", reason == "" ? "skipped without a reason" : reason)
	else if (plan == "")
		result("fail", "no plan, status " status)
	else if (plan > seen)
		result("fail", (plan - seen) " of " plan " results are missing, status " status)
	else if (plan < seen)
		result("fail", (seen - plan) " results more than planned")
	else if (!seen)
		result("fail", "no results, status " status)
	else if (status != 0 && status != 4 && !count["fail"])
		result("fail", "status " status)
	if (bailed && !count["fail"])
		result("fail", "bailed out")
	if (seconds != "")
		printf("time %s %d %s\n", where, seconds, test)
	test = ""
}

{ sub(/\r$/, "") }
failing && /^#   / { why[++reasons] = substr($0, 5); next }
failing { close_failure() }

/^# rblk: begin / {
	close_test("", "")
	test = $4
	plan = ""; seen = 0; reason = ""; bailed = 0
	delete count
	next
}
/^# rblk: end / { close_test($5, $6); next }
test == "" { next }
/^Bail out!/ { bailed = 1; next }
/^1\.\.[0-9]+/ {
	split($1, range, "[.][.]")
	plan = range[2] + 0
	if (match($0, /# SKIP */))
		reason = substr($0, RSTART + RLENGTH)
	next
}
/^(not )?ok / {
	seen++
	title = $0
	sub(/^(not )?ok [0-9]* *-? */, "", title)
	if ($0 ~ /^not/) {
		result("fail", title)
		failing = 1
	} else if (title ~ /# SKIP *$/)
		result("fail", title " (without a reason)")
	else
		result(title ~ /# SKIP/ ? "skip" : "pass", title)
}
END { close_failure(); close_test("", "") }
