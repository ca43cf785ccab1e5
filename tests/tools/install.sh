#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 600
#
# What the README says of installing: the modules for a kernel that KDIR= names, by dkms.conf's
# command and by make modules_install, and the commands. What is installed works where it is.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/lib/recipes.sh
. "$(dirname "$0")/../lib/recipes.sh"
ktap_plan 36
top=$(realpath "$(dirname "$0")/../..")
mkdir -p "$top/build"
dir=$(mktemp -d "$top/build/install.XXXXXX")
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
kdir=$("$top/scripts/kernel.sh" build fast)
release=$(cat "$kdir/include/config/kernel.release")

# The sources alone, as dkms has them below /usr/src.
sources=$dir/sources
mkdir "$sources"
tar -C "$top" --exclude=./build --exclude=./target --exclude=./.git -c . | tar -C "$sources" -x
unset MAKEFLAGS MAKELEVEL MFLAGS

# dkms runs the command by a shell, and has these variables.
# shellcheck disable=SC2034 # dkms.conf has them
kernelver=$release kernel_source_dir=$kdir
# shellcheck source=dkms.conf
. "$sources/dkms.conf"
in_sources() { (cd "$sources" && eval "$1"); }
modules=$sources/${BUILT_MODULE_LOCATION[0]}
check "dkms.conf's command builds the modules" in_sources "$PRE_BUILD"
for i in "${!BUILT_MODULE_NAME[@]}"; do
	[ -s "$sources/${BUILT_MODULE_LOCATION[i]}/${BUILT_MODULE_NAME[i]}.ko" ] || echo "${BUILT_MODULE_NAME[i]}"
done >"$dir/missing"
check_equal "all of them are where dkms looks" '' "$(cat "$dir/missing")"

# What was built is not built again, since it lies there.
# as_written COMMANDS: as somebody does it who is root already, and builds and installs elsewhere.
as_written() (
	# shellcheck disable=SC2317 # called by the commands
	sudo() { "$@"; }
	export -f sudo
	export MO=${BUILT_MODULE_LOCATION[0]} INSTALL_MOD_PATH=$dir/dest
	cd "$sources" && bash -ex <<<"$1"
)
check "the modules are installed as the README says" \
	as_written "$(recipe_commands readme-kdir /path/to/linux-build="$kdir")"
check "and as the guide says" as_written "$(recipe_commands install-own-kernel /path/to/linux-build="$kdir")"
installed=$dir/dest/lib/modules/$release
# in_dest PROGRAM...: modinfo or modprobe, of the modules that were installed.
in_dest() {
	case $1 in
	modinfo) "$1" -b "$dir/dest" -k "$release" "${@:2}" ;;
	modprobe) "$1" -C /dev/null -d "$dir/dest" -S "$release" "${@:2}" ;;
	esac
}
for name in rblk nbd pktcdvd brd ubd; do
	check "$name.ko is in updates/" cmp "$modules/$name.ko" "$installed/updates/$name.ko"
	check_equal "and is for that kernel" "$release" \
		"$(in_dest modinfo -F vermagic "$name" | cut -d ' ' -f 1)"
done
for name in rblk pktcdvd nbd brd ubd; do
	check_equal "modprobe finds $name" "insmod $installed/updates/$name.ko" \
		"$(in_dest modprobe --show-depends $name | sed 's/ *$//')"
done
# shellcheck disable=SC2016 # no expressions
check_equal "their parameters are those of the README" \
	"$(sed -n '/^## Modules/,/^## /s/^| `\([a-z]*\).ko` |[^|]*|\(.*\)|$/\1 \2/p' "$top/README.md" |
		while read -r name words; do grep -o '`[a-z_]*`' <<<"$words" | sed "s/\`//g; s/^/$name /"; done | sort)" \
	"$(for name in rblk nbd pktcdvd brd ubd; do
		in_dest modinfo -F parm "$name" | sed "s/:.*//; s/^/$name /"
	done | sort)"

# The commands.
check "make install-tools" make -C "$top" --no-print-directory DESTDIR="$dir/dest" PREFIX=/usr install-tools
# manuals COMMAND
manuals() {
	local word command=$dir/dest/usr/sbin/$1 manual=$dir/dest/usr/share/man/man8/$1.8 name=${1//-/\\-}
	grep -q "^\.TH $1 8 " "$manual" || return
	for word in $("$command" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
		# Help has no page of its own.
		[ "$word" = help ] || grep -qF "$name\-$word" "$manual" || { echo "no $word"; return 1; }
	done
}
# completions COMMAND
completions() {
	# shellcheck disable=SC2016 # a shell there reads it
	bash -c '. "$1" && complete -p "$2"' bash \
		"$dir/dest/usr/share/bash-completion/completions/$1" "$1" &&
		grep -q "^#compdef $1\$" "$dir/dest/usr/share/zsh/site-functions/_$1" &&
		grep -q "complete -c $1" "$dir/dest/usr/share/fish/vendor_completions.d/$1.fish"
}
for name in pktcdvd rblk-nbd ubd; do
	check_equal "$name runs" "$name $(sed -n 's/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")" \
		"$("$dir/dest/usr/sbin/$name" --version)"
	check "its manual tells of its commands" manuals $name
	check "shells complete it" completions $name
done

# What udev and systemd do with it.
system=("$dir/dest/usr/lib/udev/rules.d/90-pktcdvd.rules" "$dir/dest/usr/libexec/pktcdvd-udev"
	"$dir"/dest/usr/lib/systemd/system/{pktcdvd,pktcdvd-eject,rblk-nbd}@.service)
check_fails "rules, units and their program have their places filled in" grep -n '@[a-z]*@' "${system[@]}"
# named FILE...: the programs that the files name.
named() {
	sed -nE 's/.*(PROGRAM[!=]?=|RUN\+?="?|ExecStart=|ExecStop=)"?([^" ]*pktcdvd-udev) .*/\2/p' "$@" | sort -u
}
check_equal "they name the program where it is" /usr/libexec/pktcdvd-udev "$(named "${system[@]}")"
# systemd looks whether the programs are there.
units() {
	local unit name
	mkdir -p "$dir/units"
	for unit in "${system[@]:2}"; do
		name=${unit##*/}
		sed -E "s#/usr/(libexec|sbin)/#$dir/dest&#" "$unit" >"$dir/units/${name/@/@sr0}"
		cp "$dir/units/${name/@/@sr0}" "$dir/units/$name"
	done
	# What it ignores is not in its exit status.
	! systemd-analyze --man=no verify "$dir"/units/*@sr0.service 2>&1 | grep -E 'pktcdvd|rblk'
}
# The lines for /etc/fstab that the guide has, as systemd takes them.
fstab() {
	local generator=/lib/systemd/system-generators/systemd-fstab-generator units=$dir/fstab unit name
	mkdir -p "$units"
	sed -n 's|^\t\(/dev/pktcdvd/[a-z]* .*\)|\1|p' "$top/Documentation/admin-guide/pktcdvd.rst" >"$dir/lines"
	SYSTEMD_FSTAB=$dir/lines "$generator" "$units" "$units" "$units" 2>/dev/null
	cp "$dir"/units/*@.service "$units/"
	# Nothing is to be said of a cycle, or of what is not there.
	[ "$(wc -l <"$dir/lines")" = 2 ] &&
		! SYSTEMD_UNIT_PATH=$units: systemd-analyze --man=no verify "$units"/*.mount "$units"/*.automount \
			local-fs.target 2>&1 | grep -E 'pktcdvd|srv|cycle' || return
	for unit in "$units"/*.mount; do
		name=${unit##*/srv-}
		grep -qx "Requires=pktcdvd@${name%.mount}.service" "$unit" &&
			grep -qx "After=pktcdvd@${name%.mount}.service" "$unit" || return
	done
}
if have systemd-analyze; then
	check "the units are as systemd wants them" units
	check "and file systems of /etc/fstab can need them" fstab
else
	ktap_test_skip "the units are as systemd wants them" "no systemd-analyze"
	ktap_test_skip "and file systems of /etc/fstab can need them" "no systemd-analyze"
fi
conf=$dir/dest/etc/pktcdvd.conf
check_fails "the configuration maps nothing by itself" grep -v '^#' "$conf"
echo 'disc /dev/sr0' >"$conf"
check "and is not written over" sh -c "'$top/tools/system/install.sh' /usr '$dir/dest' && grep -qx 'disc /dev/sr0' '$conf'"
ktap_finished
