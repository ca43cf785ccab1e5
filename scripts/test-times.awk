# SPDX-License-Identifier: GPL-2.0
#
# Tells where the time of a run went, from the lines of its tally that begin with "time"
# (KERNEL SECONDS TEST), "boot" (KERNEL SECONDS NAME: of a whole guest), "busy" (KERNEL SECONDS
# NAME: of a processor) and "spent" (SECONDS WHAT). -v total=MINUTES.

function minutes(seconds) { return sprintf("%3d:%02d", seconds / 60, seconds % 60) }

$1 == "spent" {
	what = $0
	sub(/^spent [0-9]+ /, "", what)
	printf(order++ ? "" : "Where the time went, %s min in all:\n", total)
	printf("  %s  %s\n", minutes($2), what)
}
$1 == "time" { tests[$2] += $3; count[$2]++; seconds[$2 " " $4] += $3 }
$1 == "busy" { busy[$2] += $3 }
$1 == "boot" { guests[$2] += $3; boots[$2]++ }
END {
	for (k in tests) {
		printf("  %s  in %d tests on %s", minutes(tests[k]), count[k], k)
		if (boots[k])
			printf("; %s more to start and end %d guests", \
			       minutes(guests[k] - tests[k]), boots[k])
		printf("; %s of a processor\n", minutes(busy[k]))
	}
	for (n = 0; n < 10; n++) {
		most = ""
		for (t in seconds)
			if (most == "" || seconds[t] > seconds[most])
				most = t
		if (most == "")
			break
		printf(n ? "" : "  slowest:\n")
		printf("  %5d s  %s\n", seconds[most], most)
		delete seconds[most]
	}
}
