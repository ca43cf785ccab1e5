#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# installed.sh modules          install our package for DKMS in a Debian system with the kernel 7.2,
#                               then the kernel 7.3, and print a directory: over is what changed
#                               (see debian-root.sh), built-7.2.log and built-7.3.log what apt said
# installed.sh tree DIR SERIES OUT
#                               make OUT what scripts/stock.sh makes of such a kernel, with the
#                               modules in DIR
# installed.sh upgrade DIR      run tests/installed/lib/upgrade in the system that modules has made
# installed.sh test             what make test-installed does: such a system, and our commands, on a
#                               disk of its own in a guest with an optical drive
#
# What DKMS builds takes minutes. It is kept in RBLK_CACHE, for the same sources and the same system.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The machine has the first when our package is installed, and gets the other later. When backports
# have but one of them, there is no other.
series=(7.2 7.3)
debs=$RBLK_TOP/build/deb

# deb NAME: the file of a package of ours.
deb() { echo "$debs/$1"_*.deb; }

# contents NAME: what is in the package, whichever version it claims to be.
contents() {
	local dir version
	dir=$(mktemp -d "$RBLK_CACHE/deb.XXXXXX")
	version=$(dpkg-deb -f "$(deb "$1")" Version)
	dpkg-deb -R "$(deb "$1")" "$dir/deb"
	(cd "$dir/deb" && find . -type f ! -path './usr/share/doc/*' ! -name md5sums | LC_ALL=C sort |
		while read -r file; do
			echo "${file//"$version"/}"
			sed "s/${version//./\\.}//g" "$file"
		done) | sha256sum | cut -c 1-12
	rm -rf "$dir"
}

# apt OVER ARGS...: without the network.
apt() {
	local over=$1
	shift
	"$RBLK_TOP/scripts/debian-root.sh" run --bind "$debs:/srv" "$over" \
		apt-get -y -o DPkg::Options::=--force-unsafe-io "$@"
}

# kernel_packages SERIES: those that its image and its headers come in.
kernel_packages() {
	basename -a "$root/usr/share/doc"/linux-{image,headers,modules,binary,base,kbuild}-"$1".* 2>/dev/null
}

# _built OVER SERIES: shows what DKMS has said if it has made nothing for that kernel.
_built() {
	! compgen -G "$1/upper/usr/lib/modules/$2.*/updates/dkms/*.ko*" >/dev/null || return 0
	find "$1/upper/var/lib/dkms" -name make.log -exec tail -n 40 {} + >&2
	die "DKMS has built nothing for Linux $2"
}

# _modules DIR: without the newer kernel, that is removed first.
_modules() {
	local dir=$1 new=$1.new newer=()
	[ ! -d "$dir" ] || return 0
	rm -rf --one-file-system "$new"
	mkdir -p "$new/over"
	if [ ${#series[@]} -gt 1 ]; then
		mapfile -t newer < <(kernel_packages "${series[1]}")
		step "a system without Linux ${series[1]}" 0 apt "$new/over" purge "${newer[@]}"
	fi
	step 'installing our modules' 0 apt "$new/over" install "/srv/$(basename "$(deb rblk-dkms)")"
	cp "$RBLK_CACHE/log/installing_our_modules.log" "$new/built-${series[0]}.log"
	_built "$new/over" "${series[0]}"
	if [ ${#series[@]} -gt 1 ]; then
		# As if Debian had a new kernel.
		mapfile -t newer < <(printf '%s\n' "${newer[@]}" | grep -E "^linux-(image|headers)-.*-$(dpkg --print-architecture)\$")
		step "installing Linux ${series[1]}" 0 \
			apt "$new/over" install --no-download -t trixie-backports "${newer[@]}"
		cp "$RBLK_CACHE/log/installing_Linux_${series[1]}.log" "$new/built-${series[1]}.log"
		_built "$new/over" "${series[1]}"
	fi
	mv "$new" "$dir" || die "there is no $new"
	find "${dir%/*}" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf --one-file-system {} +
}

# _make_modules: prints the directory. Nobody makes other packages meanwhile. If RBLK_INSTALLED names a
# file, the directory is written there, and the next one who comes with the same file reads it there
# instead of making the packages again.
_make_modules() {
	local dir
	if [ -s "${RBLK_INSTALLED:-}" ]; then
		cat "$RBLK_INSTALLED"
		return
	fi
	# Of all series, whatever kernel source and make we were called with.
	env -u LINUX_SRC -u MAKEFLAGS -u MAKEOVERRIDES make -s -C "$RBLK_TOP" deb >&2 || die 'the packages cannot be made'
	dir=$RBLK_CACHE/installed/$(contents rblk-dkms)-${root##*-}
	mkdir -p "${dir%/*}"
	_modules "$dir"
	touch "$dir"
	echo "$dir" | tee "${RBLK_INSTALLED:-/dev/null}"
}
modules() { locked installed _make_modules; }

# tree DIR SERIES OUT
tree() {
	local dir=$1 out=$3 stock release
	stock=$("$RBLK_TOP/scripts/stock.sh" "$2")
	release=$(cat "$stock/include/config/kernel.release")
	cp -a "$stock" "$out"
	rm "$out/modroot/lib/modules/$release"
	cp -rs "$(realpath "$stock/modroot/lib/modules/$release")" "$out/modroot/lib/modules/"
	# Of what was installed, files only: nothing of the kernel's was removed.
	cp -rsf "$dir/over/upper/usr/lib/modules/$release/." "$out/modroot/lib/modules/$release/"
}

# upgrade DIR
upgrade() {
	local scratch
	scratch=$(mktemp -d "$RBLK_CACHE/upgrade.XXXXXX")
	# shellcheck disable=SC2064 # now
	trap "rm -rf --one-file-system '$scratch'" EXIT
	"$RBLK_TOP/scripts/debian-root.sh" run --below "$1/over" --bind "$debs:/srv" --bind "$RBLK_TOP/tests:/mnt" \
		"$scratch" /mnt/installed/lib/upgrade
}

# _system DIR OVER: what DIR has, with our commands, and what somebody has configured who uses them.
_system() {
	local run=("$RBLK_TOP/scripts/debian-root.sh" run --below "$1/over" --bind "$debs:/srv" "$2")
	mkdir -p "$2/upper"
	cp -r "$RBLK_TOP/tests/installed/lib/system/." "$2/upper/"
	"${run[@]}" apt-get -y -o DPkg::Options::=--force-unsafe-io install "/srv/$(basename "$(deb rblk-tools)")"
	"${run[@]}" systemctl enable rblk-guest.service media-disc.mount
	"${run[@]}" sed -i 's/^#install/install/' /etc/modprobe.d/rblk.conf
}

# _boot SERIES PHASE FACTOR: results are in $results.
_boot() {
	local tree log=$results/$2.log started=$SECONDS ret=0
	tree=$("$RBLK_TOP/scripts/stock.sh" "$1")
	say "booting the machine with Linux $1"
	{
		echo "# rblk: begin $2"
		RBLK_PATIENCE=$3 RBLK_DISC=$disc "$RBLK_TOP/scripts/vm" --kernel "$tree" \
			--initrd "$scratch/initrd-$1" --disk "$scratch/disk" --mem 1024 --drive "$drive" \
			--timeout $(($3 * 900)) --log "$results/$2.kernel.log" -- tests/installed/lib/machine "$2" ||
			ret=$?
		echo "# rblk: end $2 $ret $((SECONDS - started))"
	} 2>&1 | tee "$log" >&2
	awk -v where="$1" -f "$RBLK_TOP/scripts/ktap.awk" "$log" >>"$results/tally"
}

# _removal DIR OVER: what becomes of our packages where the guest's disk was made of, on this machine:
# apt and DKMS would take minutes in an emulated processor.
_removal() {
	local log=$results/removed.log started=$SECONDS ret=0
	say 'removing our packages'
	{
		echo '# rblk: begin removed'
		"$RBLK_TOP/scripts/debian-root.sh" run --below "$1/over" --below "$2" \
			--bind "$debs:/srv" --bind "$RBLK_TOP/tests:/mnt" "$scratch/removed" /mnt/installed/lib/removed || ret=$?
		echo "# rblk: end removed $ret $((SECONDS - started))"
	} 2>&1 | tee "$log" >&2
	awk -v where=host -f "$RBLK_TOP/scripts/ktap.awk" "$log" >>"$results/tally"
}

run_test() {
	local dir over disc drive factor=${RBLK_SLOW:-1}
	cd "$RBLK_TOP"
	results=$RBLK_TOP/build/test-installed
	rm -rf --one-file-system "$results"
	mkdir -p "$results"
	scratch=$(mktemp -d "$RBLK_TOP/build/machine.XXXXXX")
	trap 'rm -rf --one-file-system "$scratch"' EXIT
	trap 'exit 130' INT TERM HUP
	dir=$(modules)
	over=$scratch/over
	mkdir "$over"
	step 'installing our commands' 0 _system "$dir" "$over"
	# shellcheck disable=SC2016 # a shell there reads it
	"$RBLK_TOP/scripts/debian-root.sh" run --below "$dir/over" --bind "$scratch:/mnt" "$over" \
		sh -c 'for s; do cp /boot/initrd.img-$s.* /mnt/initrd-$s; done' sh "${series[@]}"
	step 'making the disk of the machine' 0 "$RBLK_TOP/scripts/debian-root.sh" image --below "$dir/over" \
		"$over" "$scratch/disk" 6144
	disc=dvd+rw,strict,blocks=8192,file=$scratch/disc
	drive=none
	_boot "${series[0]}" first "$factor"
	drive=$disc
	_boot "${series[-1]}" next "$factor"
	_removal "$dir" "$over"
	sed -n 's/^fail /failed: /p; s/^why /    /p' "$results/tally" || :
	echo "$(grep -c '^pass' "$results/tally") passed, $(grep -c '^fail' "$results/tally") failed"
	! grep -q '^fail' "$results/tally"
}

command=${1:-}
[ $# -eq 0 ] || shift
root=$("$RBLK_TOP/scripts/debian-root.sh" path)
there=()
for number in "${series[@]}"; do
	! compgen -G "$root/usr/lib/modules/$number.*" >/dev/null || there+=("$number")
done
series=("${there[@]}")
case $command in
modules) modules ;;
upgrade) upgrade "${1:?}" ;;
tree) tree "${1:?}" "${2:?}" "${3:?}" ;;
test) run_test ;;
*) die "installed.sh modules, tree, upgrade or test (see its head), not '$command'" ;;
esac
