#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
#
# Which kernel source is taken, by what the archive has: here one that is made up, of packages with
# next to nothing in them.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
scripts=$(realpath "$(dirname "$0")/../../scripts")
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
ktap_plan 24

unset RBLK_SERIES LINUX_SRC
export RBLK_CACHE=$dir/cache RBLK_ARCHIVE=$dir/archive
mkdir -p "$dir/bin" "$RBLK_ARCHIVE"
PATH=$dir/bin:$PATH

# The archive: files PACKAGE=VERSION. Without its directory there is no network.
cat >"$dir/bin/apt-cache" <<'SH'
#!/bin/bash
cd "$RBLK_ARCHIVE" || exit 100
for file in "${@: -1}="*; do
	[ ! -e "$file" ] || echo " ${file%=*} | ${file#*=} | an archive"
done
SH
cat >"$dir/bin/apt-get" <<'SH'
#!/bin/bash
touch "$RBLK_ARCHIVE/../asked"
case "$*" in
indextargets*) echo 'an archive' ;;
*' update') [ -d "$RBLK_ARCHIVE" ] ;;
*' download '*)
	echo "${@: -1}" >>"$RBLK_ARCHIVE/../downloads"
	[ -e "$RBLK_ARCHIVE/${@: -1}" ] && cp "$RBLK_ARCHIVE/${@: -1}" ./it.deb
	;;
*) exit 100 ;;
esac
SH
chmod +x "$dir"/bin/*

# offer VERSION...: what the archive has from now on.
offer() {
	local version series tree
	rm -rf "$RBLK_ARCHIVE" "$dir/deb"
	mkdir -p "$RBLK_ARCHIVE"
	for version; do
		series=${version%.*}
		tree=$dir/deb/linux-source-$series
		mkdir -p "$tree" "$dir/deb/files/DEBIAN" "$dir/deb/files/usr/src"
		touch "$tree/Kconfig"
		printf 'kernelversion:\n\t@echo %s\n' "$version" >"$tree/Makefile"
		tar -C "$dir/deb" -cJf "$dir/deb/files/usr/src/linux-source-$series.tar.xz" "linux-source-$series"
		printf '%s\n' "Package: linux-source-$series" "Version: $version-1~bpo13+1" \
			'Architecture: all' 'Maintainer: nobody' 'Description: nothing' >"$dir/deb/files/DEBIAN/control"
		dpkg-deb -b "$dir/deb/files" "$RBLK_ARCHIVE/linux-source-$series=$version-1~bpo13+1" >/dev/null
		rm -rf "$dir/deb"
	done
}
# src [SERIES]: the source that is taken.
src() {
	local tree
	tree=$(RBLK_SERIES=${1:-} "$scripts/kernel.sh" src 2>"$dir/said") && basename "$tree"
}
downloads() { grep -c . "$dir/downloads" 2>/dev/null || :; }

offer 7.2.11 7.2.12 7.2.13 7.3.4
check_equal "the pinned version, though there are newer ones" linux-7.2.12 "$(src)"
check_equal "the newest of a series that is asked for" linux-7.3.4 "$(src 7.3)"
check_equal "the default's series by its name" linux-7.2.12 "$(src 7.2)"
check_equal "each was fetched once" 2 "$(downloads)"
check "none is fetched if there is nothing newer" "$scripts/kernel.sh" newest
check_equal "nor was it" 2 "$(downloads)"
offer 7.2.14 7.3.4 7.3.5
check_equal "what is here is taken on" linux-7.3.4 "$(src 7.3)"
check "until the newest is asked for" "$scripts/kernel.sh" newest
check_equal "which is that" linux-7.3.5 "$(src 7.3)"
check_equal "or the newest where the pinned one is no more" linux-7.2.14 "$(src)"
rm -rf "$RBLK_ARCHIVE"
check_equal "without the archive, what is here" linux-7.2.14 "$(src)"

rm -rf "$RBLK_CACHE" && offer 7.2.13 7.3.4
check_equal "the newest of the first series without the pinned one" linux-7.2.13 "$(src)"
rm -rf "$RBLK_CACHE" && offer 7.3.4 7.3.10
check_equal "the next series when the first has left the archive" linux-7.3.10 "$(src)"
check_equal "also by its name" linux-7.3.10 "$(src 7.3)"
check_fails "a series that has left is not replaced by another" src 7.2
check "and why" grep -q 'no linux-source of 7.2' "$dir/said"
check_equal "nor does it stay half there" linux-7.3.10 "$(cd "$RBLK_CACHE/src" && echo linux-*)"
check_fails "LINUX_SRC= of another series" env LINUX_SRC="$RBLK_CACHE/src/linux-7.3.10" RBLK_SERIES=7.2 \
	"$scripts/kernel.sh" src
rm -rf "$RBLK_CACHE" && offer 7.1.1
check_fails "an archive without any of them" src

# As DKMS wants it, which runs amid what apt does.
export RBLK_FETCH=no
for program in cargo curl wget; do
	cp "$dir/bin/apt-get" "$dir/bin/$program"
done
offer 7.2.12 && rm -f "$dir/asked" && rm -rf "$RBLK_CACHE"
check_fails "RBLK_FETCH=no: no source" src
check "and why" grep -q 'RBLK_FETCH=no' "$dir/said"
check "what is missing on the machine stays so" "$scripts/deps.sh" build rust vm check
printf '#!/bin/sh\necho bindgen 0.60.0\n' >"$dir/bin/bindgen" && chmod +x "$dir/bin/bindgen"
mkdir -p "$dir/build/include/config"
touch "$dir/build/.config" "$dir/build/include/config/kernel.release"
check_fails "a module is built with what is there, or not" env MO="$dir/out" "$scripts/module.sh" "$dir/build"
check_fails "nobody was asked for anything" test -e "$dir/asked"
ktap_finished
