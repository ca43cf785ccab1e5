#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 1500
#
# The package for DKMS on a Debian system as users have it, with Debian's kernels: apt installs it and
# DKMS builds for the kernel that is there, and again when there is a newer one. In guests that run
# these kernels as they are, what was built is loaded, each driver keeps data, and all is unloaded.
# Then the package is upgraded while it cannot be built.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/installed/lib/modules.sh
. "$here/lib/modules.sh"
top=$(realpath "$here/../..")
drive='dvd+rw,strict,blocks=8192'

[ "$(id -u)" = 0 ] || ktap_skip_all 'a Debian system is made by root only (debootstrap, chroot)'
unshare --mount --pid --fork true ||
	ktap_skip_all 'root may not make namespaces here (unshare --mount --pid --fork true)'
# shellcheck source=scripts/lib.sh
cache=$(. "$top/scripts/lib.sh" && echo "$RBLK_CACHE")
scratch=$(mktemp -d "$cache/overlay.XXXXXX")
mkdir "$scratch"/{lower,upper,work,merged}
overlay() {
	unshare --mount mount -t overlay -o "lowerdir=$scratch/lower,upperdir=$scratch/upper,workdir=$scratch/work" \
		overlay "$scratch/merged"
}
overlay || no_overlay=yes
rm -rf "$scratch"
[ -z "${no_overlay:-}" ] ||
	ktap_skip_all "no overlay can be mounted in $cache, where the system is kept (mount -t overlay)"
mkdir -p "$top/build"
dir=$(mktemp -d "$top/build/stock.XXXXXX")
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT

# proxies MIRROR: by which the system would be fetched from there.
proxies() {
	env http_proxy=http://other.example:2 https_proxy= APT_CONFIG="$dir/apt.conf" \
		"$top/scripts/debian-root.sh" --inside _proxies "$1" | paste -sd ' '
}
mkdir "$dir/parts"
printf 'Dir::Etc::%s "%s";\n' Parts "$dir/parts" Main /dev/null >"$dir/apt.conf"

modules=$(dkms_modules)
in_guest=5
for module in $modules; do
	in_guest=$((in_guest + 2 + $(drivers_of "$module" | wc -w)))
done
# As many as tests/installed/lib/upgrade has.
in_upgrade=12
ktap_plan $((4 + 2 * (4 + in_guest) + in_upgrade))

check_equal 'Debian is fetched as the environment has it' 'http_proxy=http://other.example:2 https_proxy=' \
	"$(proxies http://mirror.example/debian)"
printf '%s\n' 'Acquire::http::Proxy "http://all.example:1";' 'Acquire::https::Proxy::direct.example "DIRECT";' \
	>>"$dir/apt.conf"
check_equal "or through apt's proxy" 'http_proxy=http://all.example:1 https_proxy=http://all.example:1' \
	"$(proxies https://mirror.example/debian)"
check_equal 'or directly, where apt is told so' 'http_proxy=http://all.example:1 https_proxy=' \
	"$(proxies https://direct.example:443/debian)"

installed=$("$top/scripts/installed.sh" modules) || {
	ktap_test_fail 'our package is installed, and then a newer kernel'
	ktap_finished
}
check 'our package was installed, and then a newer kernel' test -d "$installed/over/upper"

# built LOG: the kernels for which DKMS has built during an installation.
built() {
	tr -d '\r' <"$1" |
		sed -nE 's/^(Building initial module|Autoinstall of module) rblk.* for (kernel )?([^ ]*).*/\3/p' | sort -u
}
# files RELEASE: of modules that are there for it.
files() {
	local file
	for file in "$installed/over/upper/usr/lib/modules/$1"/updates/dkms/*; do
		file=${file##*/}
		echo "${file%%.ko*}"
	done | sort
}
# signers RELEASE: whose keys they are signed with.
signers() {
	local file
	for file in "$installed/over/upper/usr/lib/modules/$1"/updates/dkms/*; do
		PATH=$PATH:/usr/sbin:/sbin modinfo -F signer "$file"
	done | sort -u
}
# as NAME COUNT: the results in that file, and what it lacks of so many.
as() {
	local line title n=0
	local number='^(not )?ok [0-9]+ (.*)$'
	while IFS= read -r line; do
		title=''
		[[ ! $line =~ $number ]] || title=${BASH_REMATCH[2]}
		case $line in
		'ok '*) ktap_test_pass "$1: $title" ;;
		'not ok '*) ktap_test_fail "$1: $title" ;;
		'#'*) echo "$line" && continue ;;
		*) continue ;;
		esac
		n=$((n + 1))
	done <"$dir/$1.out"
	while [ "$n" -lt "$2" ]; do
		n=$((n + 1))
		ktap_test_fail "$1: it did not come so far"
	done
}

for series in 7.2 7.3; do
	status=0
	"$top/scripts/stock.sh" "$series" >/dev/null 2>"$dir/why" || status=$?
	if [ "$status" != 0 ]; then
		[ "$status" = 4 ] || sed 's/^/# /' "$dir/why"
		for ((n = 0; n < in_guest + 4; n++)); do
			if [ "$status" = 4 ]; then
				ktap_test_skip "$series: $n" "Debian's backports have no kernel $series"
			else
				ktap_test_fail "$series: $n: there is no system with it (status $status)"
			fi
		done
		continue
	fi
	tree=$dir/tree-$series
	"$top/scripts/installed.sh" tree "$installed" "$series" "$tree"
	release=$(cat "$tree/include/config/kernel.release")
	check_equal "$series: DKMS has built all modules for $release" "$(sort <<<"$modules")" "$(files "$release")"
	check_equal "$series: and has signed them" 'DKMS module signing key' "$(signers "$release")"
	"$top/scripts/vm" --kernel "$tree" --no-load --drive "$drive" --timeout "$(patience 240)" --log "$dir/$series.log" -- tests/installed/lib/drivers \
		>"$dir/$series.out" 2>"$dir/$series.err"
	status=$?
	as "$series" "$in_guest"
	check_equal "$series: the kernel had no complaint, and turned the machine off" 0 "$status" ||
		tail -n 60 "$dir/$series.err" | sed 's/^/# /'
	check_equal "$series: DKMS built them when our package was installed, or the kernel" "$release" \
		"$(built "$installed/built-$series.log")"
done

"$top/scripts/installed.sh" upgrade "$installed" >"$dir/upgrade.out" 2>&1
as upgrade "$in_upgrade"
ktap_finished
