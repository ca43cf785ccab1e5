#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# stock.sh SERIES: print a directory in which Debian's kernel of that series (7.2) looks like a build
# tree to scripts/vm --kernel: image, configuration, modules, and what starts it on this machine's
# files. Fails with status 4, and a reason, if Debian has no such kernel any more.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# What is found without a udevd: file systems of scripts/vm, its ports, and drives.
at_start=(virtio_pci virtio_console 9pnet_virtio 9p overlay virtio_scsi sr_mod sg)

# _initrd MODULES OUT RELEASE: an initramfs that loads these and goes on as if the kernel had mounted
# the root file system.
_initrd() {
	local modules=$1 out=$2 release=$3 dir name files kind file
	dir=$(mktemp -d "$RBLK_CACHE/initrd.XXXXXX")
	mkdir -p "$dir"/{bin,dev,proc,sys,root,modules}
	cp "$(command -v busybox)" "$dir/bin/busybox" || die 'there is no busybox'
	{
		echo '#!/bin/busybox sh'
		echo '/bin/busybox --install -s /bin; export PATH=/bin'
		echo 'mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev'
		for name in "${at_start[@]}"; do
			files=$(modprobe -C /dev/null -d "$modules" -S "$release" --show-depends "$name") ||
				die "$release has no module $name"
			while read -r kind file _; do
				[ "$kind" = insmod ] || continue
				name=$(basename "${file%.xz}")
				[ ! -e "$dir/modules/$name" ] || continue
				case $file in
				*.xz) xz -dc "$file" >"$dir/modules/$name" ;;
				*) cp "$file" "$dir/modules/$name" ;;
				esac
				echo "insmod /modules/$name"
			done <<<"$files"
		done
		cat <<-'END'
			for word in $(cat /proc/cmdline); do
				case $word in
				init=*) init=${word#*=} ;;
				rootflags=*) flags=${word#*=} ;;
				esac
			done
			mount -t 9p -o "ro,$flags" /dev/root /root
			for dir in dev proc sys; do mount --move /$dir /root/$dir; done
			exec switch_root /root "$init" "$@"
		END
	} >"$dir/init"
	chmod +x "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet) | gzip -1 >"$out" || die "$out cannot be written"
	rm -rf "$dir"
}

# _make ROOT RELEASE TREE
_make() {
	local root=$1 release=$2 tree=$3 modules
	[ ! -d "$tree" ] || return 0
	modules=$root/usr/lib/modules/$release
	rm -rf "$tree.new"
	mkdir -p "$tree.new"/{arch/x86/boot,include/config,modroot/lib/modules}
	ln -s "$modules/vmlinuz" "$tree.new/arch/x86/boot/bzImage"
	ln -s "$modules/config" "$tree.new/.config"
	ln -s "$modules" "$tree.new/modroot/lib/modules/$release"
	echo "$release" >"$tree.new/include/config/kernel.release"
	_initrd "$tree.new/modroot" "$tree.new/initrd" "$release"
	mv "$tree.new" "$tree"
}

[ $# = 1 ] || die 'stock.sh wants the series of a kernel'
root=$("$RBLK_TOP/scripts/debian-root.sh" path)
# shellcheck disable=SC2012 # names of kernels
release=$(basename "$(ls -dv "$root/usr/lib/modules/$1."* 2>/dev/null | tail -n 1)")
if [ -z "$release" ]; then
	say "Debian's backports have no kernel $1"
	exit 4
fi
hash=$( (declare -f _make _initrd; declare -p at_start) | sha256sum | cut -c 1-12)
tree=$root.stock/$hash-$1
[ -d "$tree" ] || locked "stock-$1" _make "$root" "$release" "$tree"
echo "$tree"
