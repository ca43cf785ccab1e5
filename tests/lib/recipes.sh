# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Recipes of the README and the guides, for tests that run them word for word. Sourced after ktap.sh.

recipes_top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
recipes_documents=("$recipes_top/README.md" "$recipes_top"/Documentation/admin-guide/*.rst)
# Where each recipe is run, or why it is not.
recipes_list=$recipes_top/tests/lib/recipes.list

# recipes_ask QUESTION [NAME]: tests/lib/recipes.py answers.
recipes_ask() { "$recipes_top/tests/lib/recipes.py" "$@" "${recipes_documents[@]}"; }

# recipe_commands NAME [WORD=TEXT]...: with what a reader puts in the place of some words.
recipe_commands() {
	local name=$1 commands word
	shift
	commands=$(recipes_ask commands "$name") && [ -n "$commands" ] || return
	for word; do
		[[ $commands == *"${word%%=*}"* ]] || { echo "$name has no ${word%%=*}" >&2; return 1; }
		commands=${commands//"${word%%=*}"/"${word#*=}"}
	done
	printf '%s\n' "$commands"
}

# recipes_run_by TEST: what the list has of it.
recipes_run_by() { awk -v by="$1" '/^[^#]/ && $2 == by { print $1 }' "$recipes_list"; }

# recipe_shows NAME FILE: what was printed into the file has the lines that the document shows, one
# behind the other.
recipe_shows() { recipes_ask shows "$2" "$1"; }
