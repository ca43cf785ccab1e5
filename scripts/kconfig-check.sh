#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kconfig-check.sh CONFIG FRAGMENT...: fail, naming them, when options that the
# fragments ask for are missing from CONFIG. Kconfig drops an option with an
# unmet dependency without a word. "# optional" above an option excuses it.
set -eu

config=$1
shift
awk '
	function want(name, value, optional) {
		asked[name] = value; excused[name] = optional
	}
	FNR == 1 { file++ }
	file == 1 && /^CONFIG_/ {
		i = index($0, "=")
		have[substr($0, 1, i - 1)] = substr($0, i + 1)
		next
	}
	file == 1 { next }
	/^# optional/ { optional = 1; next }
	/^# CONFIG_.* is not set/ { want($2, "n", optional); optional = 0 }
	/^CONFIG_/ {
		i = index($0, "=")
		want(substr($0, 1, i - 1), substr($0, i + 1), optional)
		optional = 0
	}
	END {
		for (o in asked) {
			got = (o in have) ? have[o] : "n"
			if (got == asked[o])
				continue
			printf("%s: %s=%s asked for, got %s\n",
			       excused[o] ? "note" : "error", o, asked[o], got) | "sort >&2"
			if (!excused[o])
				bad = 1
		}
		exit bad
	}' "$config" "$@"
