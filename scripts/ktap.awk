# SPDX-License-Identifier: GPL-2.0
#
# Reads the output of tests between "# rblk: begin TEST" and "# rblk: end TEST
# STATUS" and prints a line per result: pass, fail or skip, `where`, title.

function result(what, title) {
	printf("%s %s %s: %s\n", what, where, test, title)
	count[what]++
}

# A test that did not do what it planned, or died without a word, has failed.
function close_test(status) {
	if (test == "")
		return
	if (status == "")
		result("fail", "did not come to an end")
	else if (plan == "" && status != 4)
		result("fail", "no plan, status " status)
	else if (plan > seen)
		result("fail", (plan - seen) " of " plan " results are missing, status " status)
	else if (status != 0 && status != 4 && !count["fail"])
		result("fail", "status " status)
	else if (!seen && status == 4)
		result("skip", reason)
	test = ""
}

{ sub(/\r$/, "") }

/^# rblk: begin / {
	close_test("")
	test = $4
	plan = ""; seen = 0; reason = ""
	delete count
	next
}
/^# rblk: end / { close_test($5); next }
test == "" { next }
/^1\.\.[0-9]+/ {
	split($1, range, "[.][.]")
	plan = range[2] + 0
	if (match($0, /# SKIP/))
		reason = substr($0, RSTART + 7)
	next
}
/^(not )?ok / {
	seen++
	title = $0
	sub(/^(not )?ok [0-9]* *-? */, "", title)
	if (title ~ /# SKIP/)
		result("skip", title)
	else
		result(/^not/ ? "fail" : "pass", title)
}
END { close_test("") }
