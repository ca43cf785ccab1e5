#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kconfig-check.sh CONFIG FRAGMENT...: fail, naming them, when options that the
# fragments ask for are missing from CONFIG. Kconfig drops an option with an
# unmet dependency without a word. "# optional" above an option excuses it;
# "# or NAME" says what other kernels call it: one of the two has to be there.
set -eu

config=$1
shift
awk '
	function want(name, value) {
		asked[name] = value; excused[name] = optional; other[name] = alias
		optional = 0; alias = ""
	}
	FNR == 1 { file++ }
	file == 1 && /^CONFIG_/ {
		i = index($0, "=")
		have[substr($0, 1, i - 1)] = substr($0, i + 1)
		next
	}
	file == 1 { next }
	/^# optional/ { optional = 1; next }
	/^# or [A-Z0-9_]+$/ { alias = "CONFIG_" $3; next }
	/^# CONFIG_.* is not set/ { want($2, "n") }
	/^CONFIG_/ {
		i = index($0, "=")
		want(substr($0, 1, i - 1), substr($0, i + 1))
	}
	END {
		for (o in asked) {
			name = (!(o in have) && other[o] in have) ? other[o] : o
			got = (name in have) ? have[name] : "n"
			if (got == asked[o])
				continue
			printf("%s: %s=%s asked for, got %s\n",
			       excused[o] ? "note" : "error", o, asked[o], got) | "sort >&2"
			if (!excused[o])
				bad = 1
		}
		exit bad
	}' "$config" "$@"
