#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# install.sh PREFIX [DESTDIR [ETC]]: installs udev's rules and systemd's units for packet devices and
# network block devices, which expect the commands in PREFIX/sbin, the configuration ETC/pktcdvd.conf
# (/etc) unless there is one, and the directory ETC/rblk-nbd.d. All of it goes below DESTDIR.
set -eu
cd "$(dirname "$0")"
prefix=$1 dest=${2:-} etc=${3:-/etc}

# put MODE FILE DIRECTORY
put() {
	mkdir -p "$dest$3"
	sed -e "s|@sbindir@|$prefix/sbin|g;s|@libexecdir@|$prefix/libexec|g;s|@sysconfdir@|$etc|g" \
		"$2.in" >"$dest$3/$2"
	chmod "$1" "$dest$3/$2"
}
put 755 pktcdvd-udev "$prefix/libexec"
put 644 90-pktcdvd.rules "$prefix/lib/udev/rules.d"
put 644 pktcdvd@.service "$prefix/lib/systemd/system"
put 644 pktcdvd-eject@.service "$prefix/lib/systemd/system"
put 644 rblk-nbd@.service "$prefix/lib/systemd/system"
mkdir -p "$dest$etc/rblk-nbd.d"
[ -e "$dest$etc/pktcdvd.conf" ] || install -m 644 pktcdvd.conf "$dest$etc"
install -m 644 rblk-nbd.README "$dest$etc/rblk-nbd.d/README"
