#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-quick: yes
# rblk-timeout: 120
#
# The parts of the packages that decide: for which kernels DKMS builds, what becomes of a build that
# fails, which module a name loads, and what one is told. No package is built or installed;
# make test-installed does that.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
PATH=$PATH:/usr/sbin:/sbin
ktap_plan 42
top=$(realpath "$(dirname "$0")/../..")
mkdir -p "$top/build"
dir=$(mktemp -d "$top/build/dkms.XXXXXX")
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
unset MAKEFLAGS MAKELEVEL MFLAGS

# dkms.conf, as dkms reads it.
# shellcheck disable=SC2034 # dkms.conf has these
kernelver=7.3.4-test kernel_source_dir=$dir/headers dkms_tree=$dir
# shellcheck source=dkms.conf
. "$top/dkms.conf"

# The kernel's drivers that one of ours is named like, which DKMS would move away.
namesakes='nbd brd'
roots=$(sed -n 's/^rb_roots := //p' "$top/Kbuild" | tr ' ' '\n' | sort)
check_equal "DKMS installs the modules that Kbuild makes" "$roots" \
	"$(printf '%s\n' "${BUILT_MODULE_NAME[@]}" | sort)"
files() {
	local i name wanted
	for i in "${!BUILT_MODULE_NAME[@]}"; do
		name=${BUILT_MODULE_NAME[i]} wanted=
		[[ " $namesakes " != *" $name "* ]] || wanted=rblk-$name
		echo "$name: ${DEST_MODULE_NAME[i]} in ${DEST_MODULE_LOCATION[i]}"
		[ "${DEST_MODULE_NAME[i]}" = "$wanted" ] && [ "${DEST_MODULE_LOCATION[i]}" = /updates/dkms ] &&
			[ "${BUILT_MODULE_LOCATION[i]}" = modules ] || return
	done
}
check "no file is named as one of the kernel" files
check_equal "versions are the same everywhere" \
	"$(sed -n 's/^version = "\(.*\)"/\1/p' "$top/Cargo.toml") yes" "$PACKAGE_VERSION $AUTOINSTALL"
check_equal "that of the packages, too" "$PACKAGE_VERSION" \
	"$(sed -nE '1s/^rblk \((.*)\) .*/\1/p' "$top/debian/changelog")"

# takes KERNEL: whether dkms goes on to PRE_BUILD.
takes() { [[ $1 =~ $BUILD_EXCLUSIVE_KERNEL ]]; }
series=$(sed -n "s/^KERNEL_SERIES='\(.*\)'$/\1/p" "$top/scripts/kernel.sh")
check "the source says which series of kernels there are" test -n "$series"
of_series() {
	local s release
	for s in $series; do
		for release in "$s.4+deb13-amd64" "$s.0-1-generic" "$s-rc7-amd64"; do
			takes "$release" || { echo "not $release"; return 1; }
		done
	done
}
check "DKMS builds for kernels of these" of_series
check_fails "not for an older one" takes 6.12.117+deb13-amd64
check_fails "not for one that begins the same" takes 7.20.1-amd64
check_equal "not on other machines" "^x86_64$" "$BUILD_EXCLUSIVE_ARCH"
# Where programs cannot be run, rustc cannot run macros.
findmnt() { echo rw,nosuid,noexec; }
exclusive=$(. "$top/dkms.conf"; echo "$BUILD_EXCLUSIVE_KERNEL")
unset -f findmnt
[[ 7.3.4-test =~ $exclusive ]]
check_equal "nor below a directory that is mounted noexec" 1 $?

# What the package has below /usr/src.
mkdir -p "$dir/parts"
touch "$dir/parts/linux-rust-7.3.tar.xz"
check "the sources for DKMS are put together" "$top/scripts/dkms-tree.sh" "$dir/parts" 1.2+git3 "$dir/dest"
source=$dir/dest/usr/src/rblk-1.2+git3
named_files() {
	local file
	for file in dkms.conf Kbuild "${PRE_BUILD%% *}" rust-parts/linux-rust-7.3.tar.xz ../../../etc/modprobe.d/rblk.conf; do
		[ -e "$source/$file" ] || { echo "no $file"; return 1; }
	done
}
check "with what dkms.conf names" named_files
check_equal "by the name of the version" 'rblk 1.2+git3' \
	"$(. "$source/dkms.conf" && echo "$PACKAGE_NAME $PACKAGE_VERSION")"
packed() {
	local BUILD_EXCLUSIVE_KERNEL
	# shellcheck source=dkms.conf
	. "$source/dkms.conf"
	takes 7.3.4-amd64 && ! takes 7.2.12-amd64
}
check "for the kernels whose Rust parts are there, and no others" packed

# What DKMS runs, with a build that does as it is told.
tree=$dir/tree
mkdir -p "$tree/scripts" "$tree/rust-parts"
cp "$top/scripts/dkms-build.sh" "$tree/scripts"
cat >"$tree/scripts/stock-build.sh" <<-'EOF'
	#!/bin/sh
	if [ "$1" = --refuse ]; then
		[ "$#" = 3 ] && [ "$STUB" = refuse ] && echo first line && echo 'this kernel has RANDSTRUCT' && exit 1
		exit 0
	fi
	[ "$#" = 3 ] && [ -d "$2" ] && [ -d "$3" ] || exit 99
	[ "$STUB" != fail ] || { echo 'error[E0432]'; exit 3; }
	touch "$3/rblk.ko"
EOF
chmod +x "$tree/scripts/stock-build.sh"
export RBLK_RUN=$dir/system/run/rblk-dkms
# dkms_build refuse|fail|'': as dkms runs it; prints the status.
dkms_build() {
	rm -rf "$tree/modules"
	(cd "$tree" && STUB=$1 eval "$PRE_BUILD") >"$dir/log" 2>&1
	echo $?
}
check_equal "a build that succeeds" 0 "$(dkms_build '')"
check "leaves modules where DKMS looks for them" test -e "$tree/${BUILT_MODULE_LOCATION[0]}/rblk.ko"
check_equal "a kernel that is declined is passed over" 77 "$(dkms_build refuse)"
check_equal "with the reason" "rblk: no modules for Linux 7.3.4-test: this kernel has RANDSTRUCT" \
	"$(tail -n 1 "$dir/log")"
check_equal "which is kept" "no modules for Linux 7.3.4-test: this kernel has RANDSTRUCT" \
	"$(cat "$RBLK_RUN/7.3.4-test")"
check_equal "so is one for which a build fails, since dpkg would fail" 77 "$(dkms_build fail)"
check "with what the build said" grep -qx 'error\[E0432\]' "$dir/log"
check "which is called a failure" grep -q 'the build failed with status 3' "$RBLK_RUN/7.3.4-test"
notes() { "$top/scripts/dkms-notes.sh" "$1" "$dir/system" 2>&1; }
check_equal "the package says so when it is installed" 1 \
	"$(notes installed | grep -c '^rblk: no modules for Linux 7.3.4-test: the build failed')"
check_equal "a build that then succeeds" 0 "$(dkms_build '')"
check_equal "leaves nothing to say" '' "$(notes installed)"
rm -rf "$tree/rust-parts"
check_equal "without the kernel's Rust parts, in the source or the headers, it is passed over" 77 \
	"$(dkms_build '')"
rm -rf "$dir/system/run"

# What one is told, for a root directory of ours.
mkdir -p "$dir/system/sys/module/nbd" "$dir/system/sys/firmware/efi/efivars" "$dir/system/var/lib/dkms" "$dir/bin"
touch "$dir/system/sys/module/nbd/taint"
check_equal "nothing of the kernel's own nbd" '' "$(notes installed)$(notes removed)"
echo OE >"$dir/system/sys/module/nbd/taint"
check_equal "that ours goes on as it was loaded" "rblk: these modules go on as they were loaded: nbd." \
	"$(notes installed | sed -n '1s/\. .*/./p')"
check_equal "that it stays after removal" "rblk: these modules stay loaded until a restart, or modprobe -r: nbd." "$(notes removed)"
rm -r "$dir/system/sys/module"
boot=$dir/system/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
touch "$dir/system/var/lib/dkms/mok.pub"
printf '\6\0\0\0\0' >"$boot"
check_equal "nothing of secure boot when it is off" '' "$(notes installed)"
printf '\6\0\0\0\1' >"$boot"
printf '#!/bin/sh\necho it is not enrolled\n' >"$dir/bin/mokutil"
chmod +x "$dir/bin/mokutil"
PATH=$dir/bin:$PATH
check_equal "how to enroll the key when it is on" 1 "$(notes installed | grep -cF "mokutil --import /var/lib/dkms/mok.pub")"
printf '#!/bin/sh\necho it is already enrolled\n' >"$dir/bin/mokutil"
check_equal "not when it is enrolled" '' "$(notes installed)"

# Which module a name loads, by modprobe, from modules of ours that hold nothing else than a name.
release=$dir/modules/lib/modules/7.3.4-test
mkdir -p "$release/kernel" "$release/updates/dkms"
cp "$top/tools/system/modprobe.conf" "$dir/stays.conf"
sed 's/^#install/install/' "$dir/stays.conf" >"$dir/taken.conf"
# loads CONF NAME [PARAMETER]: prints what is loaded, without the directories, or run.
loads() {
	modprobe -C "$1" -d "$dir/modules" -S 7.3.4-test -n -v "${@:2}" 2>&1 |
		sed "s|^insmod .*/||;s| *$||"
}
# as_run CONF NAME PARAMETER: what the command of a line "install" loads. modprobe puts the
# parameters in place of the variable; with -q it would not say what it does.
as_run() {
	# shellcheck disable=SC2034 # the command has it
	local CMDLINE_OPTS=$3 command
	command=$(sed -n "s/^install $2 //p" "$1" |
		sed "s|/sbin/modprobe|modprobe -C $1 -d $dir/modules -S 7.3.4-test -n -v|g;s| -q | |")
	(eval "$command") 2>/dev/null | sed "s|^insmod .*/||;s| *$||"
}
# namesake NAME ALIAS PARAMETER
namesake() {
	local module run
	for module in "kernel/$1" "updates/dkms/rblk-$1"; do
		cc -x c -c -o "$release/$module.ko" - <<-EOF || exit
			char info[] __attribute__((section(".modinfo"))) = "license=GPL\0name=$1\0alias=$2";
		EOF
	done
	depmod -b "$dir/modules" 7.3.4-test 2>/dev/null || exit
	check_equal "$1 is the kernel's, by its alias as well" "$1.ko $1.ko" \
		"$(loads "$dir/stays.conf" "$1") $(loads "$dir/stays.conf" "${2/%\*/0}")"
	check_equal "rblk-$1 is ours" "rblk-$1.ko $3" "$(loads "$dir/stays.conf" "rblk-$1" "$3")"
	run=$(sed -n "s/^install $1 //p" "$dir/taken.conf")
	check_equal "with the line that takes $1 over, name and alias run its command" 2 \
		"$({ loads "$dir/taken.conf" "$1"; loads "$dir/taken.conf" "${2/%\*/0}"; } | grep -cF "install $run")"
	check_equal "which loads ours, with parameters" "rblk-$1.ko $3" "$(as_run "$dir/taken.conf" "$1" "$3")"
	rm "$release/updates/dkms/rblk-$1.ko"
	depmod -b "$dir/modules" 7.3.4-test 2>/dev/null || exit
	check_equal "and the kernel's where there is none of ours" "$1.ko $3" "$(as_run "$dir/taken.conf" "$1" "$3")"
}
namesake nbd net-pf-16-proto-16-family-nbd nbds_max=3
namesake brd 'block-major-1-*' rd_nr=3
ktap_finished
