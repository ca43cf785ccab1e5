#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debian-root.sh path      print the directory of a Debian 13 system, made if need be: what a user
#                          has who installs packages of ours: stock kernels of backports with their
#                          headers, dkms, Debian's rustc, and systemd
# debian-root.sh run [--below DIR]... [--bind DIR:PLACE]... OVER COMMAND...
#                          run COMMAND in it as root, without the network. What COMMAND changes is
#                          in OVER/upper; the next run with the same OVER finds it. Below that may
#                          be what runs with another OVER, DIR, have changed, which stays as it is.
#                          PLACE is the directory DIR of this machine.
# debian-root.sh image [--below DIR]... OVER FILE MIB
#                          make FILE an ext4 file system of MIB MiB with what such a run sees, but
#                          for the packages that apt keeps
#
# For root only. The system is made by debootstrap from the mirror that this machine's apt uses and
# kept in RBLK_CACHE; another recipe makes another one. All mounts are in a namespace of their own:
# none is left, however this ends.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/apt-private.sh
. "$RBLK_TOP/scripts/apt-private.sh"

release=trixie
# Kernels of backports: the newest of each series.
series='7.2 7.3'
# To build modules and packages; no package of ours may want more to build.
building=(build-essential dkms rustc rust-src bindgen python3 debhelper dh-dkms fakeroot lintian)
# What is on a machine with drives.
machine=(systemd-sysv udev dbus kmod initramfs-tools zstd e2fsprogs procps iproute2 udftools eject
	nbd-client nbd-server util-linux fdisk)

[ "$(id -u)" = 0 ] || die 'a Debian system is made and entered by root only'

# _furnish ROOT: mount what programs expect below /proc and /dev, with nothing of this machine's
# devices. Runs in namespaces of its own.
_furnish() {
	local root=$1 node number
	mount -t proc proc "$root/proc"
	mount -t tmpfs -o mode=755 dev "$root/dev"
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		number=${node#*:}
		mknod -m 666 "$root/dev/${node%:*}" c 1 "$number"
	done
	mknod -m 666 "$root/dev/tty" c 5 0
	mkdir "$root/dev/pts" "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
	mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
	ln -s pts/ptmx "$root/dev/ptmx"
	ln -s /proc/self/fd "$root/dev/fd"
	ln -s /proc/self/fd/0 "$root/dev/stdin"
	ln -s /proc/self/fd/1 "$root/dev/stdout"
	ln -s /proc/self/fd/2 "$root/dev/stderr"
	mount -t tmpfs -o mode=1777 tmp "$root/tmp"
	mount -t tmpfs -o mode=755 run "$root/run"
	mkdir -m 1777 "$root/run/lock"
}

# _within ROOT COMMAND...
_within() {
	local root=$1
	shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
		DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} ${no_proxy:+no_proxy="$no_proxy"} chroot "$root" "$@"
}

# _proxies MIRROR: the proxies by which this machine's apt reaches it, as lines http_proxy=URL and
# https_proxy=URL. Those of apt's configuration come before those of the environment, and what it has
# for http holds for https, too, if nothing else is said.
_proxies() {
	local host=${1#*://} scheme from=() name proxy
	host=${host%%[:/]*}
	for scheme in http https; do
		from=("Acquire::$scheme::Proxy::$host" "Acquire::$scheme::Proxy" "${from[@]}")
		name=${scheme}_proxy
		proxy=$(_configured "${from[@]}")
		proxy=${proxy:-${!name:-}}
		# Which is apt's word for none.
		[ "$proxy" != DIRECT ] || proxy=''
		echo "$name=$proxy"
	done
}
# _configured OPTION...: the first of apt's options that has a value.
_configured() {
	local option value=''
	for option; do
		eval "$(apt-config shell value "$option")"
		[ -z "$value" ] || break
	done
	echo "$value"
}

# _plain_mirror MIRROR: itself, or the first of a file of mirrors, which debootstrap does not read.
_plain_mirror() {
	case $1 in
	mirror+file:*) sed -nE '\|^https?://|{s/[[:space:]].*//;p;q}' "${1#mirror+file:}" ;;
	*) echo "$1" ;;
	esac
}

# _kernels ROOT: the packages of the newest kernel of each series.
_kernels() {
	local number
	for number in $series; do
		_within "$1" apt-cache pkgnames "linux-image-$number." |
			grep -xE "linux-image-[0-9.]*\+deb[0-9]*-$(dpkg --print-architecture)" |
			sort -V | tail -n 1 | sed 'p;s/image/headers/'
	done
}

# _make_root ROOT MIRROR
_make_root() {
	local root=$1 mirror=$2 kernels
	debootstrap --variant=minbase --include=ca-certificates --keyring="$RBLK_KEYRING" "$release" "$root" "$mirror"
	_furnish "$root"
	rm -f "$root/etc/apt/sources.list"
	cat >"$root/etc/apt/sources.list.d/debian.sources" <<-END
		Types: deb
		URIs: $mirror
		Suites: $release $release-backports
		Components: main
		Signed-By: $RBLK_KEYRING
	END
	echo 'APT::Install-Recommends "false";' >"$root/etc/apt/apt.conf.d/90rblk"
	# Nothing here has to survive a power cut.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/rblk"
	# The boot needs the disk only, and an emulated processor unpacks what it loads.
	mkdir -p "$root/etc/initramfs-tools/conf.d"
	printf '%s\n' MODULES=list COMPRESS=zstd COMPRESSLEVEL=1 >"$root/etc/initramfs-tools/conf.d/rblk"
	_within "$root" apt-get update
	_within "$root" apt-get install -y "${building[@]}" "${machine[@]}"
	printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
	mapfile -t kernels < <(_kernels "$root")
	[ ${#kernels[@]} -gt 0 ] || die "there is no kernel of $series"
	# These packages stay, to be installed again.
	_within "$root" apt-get clean
	_within "$root" apt-get install -y -t "$release-backports" "${kernels[@]}"
	rm "$root/etc/dpkg/dpkg.cfg.d/rblk"
}

# _in_namespace [--net] FUNCTION ARGS...: FUNCTION of this script, in namespaces that end with it,
# which ends with us; --net has no network.
_in_namespace() {
	local options=(--mount --pid --fork --kill-child)
	if [ "$1" = --net ]; then
		options+=(--net)
		shift
	fi
	setpriv --pdeathsig KILL unshare "${options[@]}" "$0" --inside "$@" </dev/null &
	wait $!
}

_recipe() { declare -f _make_root _furnish _within _kernels; declare -p release series building machine; }

_make() {
	local root=$1 mirror proxy
	[ ! -d "$root" ] || return 0
	mirror=$(_plain_mirror "$(_apt_mirror)")
	[ -n "$mirror" ] || die "apt knows no Debian mirror (run 'apt-get update' first)"
	[ -r "$RBLK_KEYRING" ] || die "no $RBLK_KEYRING: install debian-archive-keyring"
	rm -rf --one-file-system "$root".new
	mkdir "$root.new"
	while IFS= read -r proxy; do
		export "${proxy?}"
	done < <(_proxies "$mirror")
	step "making a Debian system ($release)" 0 _in_namespace _make_root "$root.new" "$mirror"
	mv "$root.new" "$root"
	# Those of other recipes, when nobody has used them for a week.
	find "$RBLK_CACHE" -maxdepth 1 -name 'debian-*.used' -mtime +7 | while read -r used; do
		rm -rf --one-file-system "${used%.used}" "${used%.used}.stock" "$used"
	done
}

path() {
	local root
	"$RBLK_TOP/scripts/deps.sh" root
	root=$RBLK_CACHE/debian-$release-$(_recipe | sha256sum | cut -c 1-12)
	[ -d "$root" ] || locked debian-root _make "$root"
	touch "$root.used"
	echo "$root"
}

# _over LAYERS OVER: mount what a run sees at OVER/merged.
_over() {
	mkdir -p "$2"/{upper,work,merged}
	mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/merged"
}

# _run LAYERS OVER BINDS COMMAND...: BINDS has a line for each directory.
_run() {
	local over=$2 binds=$3 from place
	_over "$1" "$over"
	shift 3
	while IFS=: read -r from place; do
		[ -n "$from" ] || continue
		mkdir -p "$over/merged$place"
		mount --bind "$from" "$over/merged$place"
	done <<<"$binds"
	_furnish "$over/merged"
	_within "$over/merged" "$@"
}

# _image LAYERS OVER FILE MIB
_image() {
	_over "$1" "$2"
	mount -t tmpfs -o mode=755 none "$2/merged/var/cache/apt"
	mke2fs -q -F -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 -m 0 -L root \
		-d "$2/merged" "$3" "$4M"
}

# make_dir DIR: prints its full name.
make_dir() { mkdir -p "$1" && realpath "$1"; }

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
--inside)
	"$@"
	exit
	;;
path | run | image) ;;
*) die "debian-root.sh path, run or image (see its head), not '$command'" ;;
esac
layers=$(path)
if [ "$command" = path ]; then
	echo "$layers"
	exit
fi
binds=''
while :; do
	case ${1:-} in
	--bind) binds+="${2:?}"$'\n' ;;
	--below) layers=$(realpath "${2:?}")/upper:$layers ;;
	*) break ;;
	esac
	shift 2
done
[ $# -ge 2 ] || die "$command wants a directory, and more"
over=$(make_dir "$1")
shift
# There is no network.
unset http_proxy https_proxy no_proxy
case $command in
run) _in_namespace --net _run "$layers" "$over" "$binds" "$@" ;;
image) _in_namespace --net _image "$layers" "$over" "$1" "${2:?}" ;;
esac
