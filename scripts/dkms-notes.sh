#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dkms-notes.sh installed|removed [ROOT]: what one should know after the modules were installed or
# removed. The system is the one below ROOT.
set -u
event=$1 root=${2:-}

# secure_boot: the firmware checks what it boots. The variable's value comes after four bytes.
secure_boot() {
	for variable in "$root"/sys/firmware/efi/efivars/SecureBoot-*; do
		[ "$(od -An -t u1 -j 4 -N 1 "$variable" 2>/dev/null | tr -d ' ')" != 1 ] || return 0
	done
	return 1
}

# certificate: prints that of the key DKMS signs with.
certificate() (
	mok_certificate=
	for conf in "$root"/etc/dkms/framework.conf "$root"/etc/dkms/framework.conf.d/*.conf; do
		# shellcheck disable=SC1090 # DKMS' own
		[ ! -r "$conf" ] || . "$conf"
	done
	for file in "$mok_certificate" /var/lib/shim-signed/mok/MOK.der /var/lib/dkms/mok.pub; do
		if [ -n "$file" ] && [ -e "$root$file" ]; then
			echo "$file"
			return
		fi
	done
	return 1
)

# loaded: prints which of our modules are loaded. Those of the kernel's names are ours if they come
# from outside its tree.
loaded() {
	for module in rblk pktcdvd nbd brd; do
		case $(cat "$root/sys/module/$module/taint" 2>/dev/null) in
		*O*) printf ' %s' "$module" ;;
		esac
	done
}

modules=$(loaded)
if [ -n "$modules" ] && [ "$event" = installed ]; then
	echo "rblk: these modules go on as they were loaded:$modules. The new ones are used after a"
	echo "rblk: restart, or at once after modprobe -r, for which nothing may be mapped."
elif [ -n "$modules" ]; then
	echo "rblk: these modules stay loaded until a restart, or modprobe -r:$modules."
fi
[ "$event" = installed ] || exit 0

for reason in "$root"/run/rblk-dkms/*; do
	[ ! -e "$reason" ] || sed 's/^/rblk: /' "$reason"
done

if secure_boot && file=$(certificate); then
	if mokutil --test-key "$root$file" 2>/dev/null | grep -q 'already enrolled'; then
		exit
	fi
	echo "rblk: secure boot is on. The kernel refuses the modules until the key is enrolled that DKMS"
	echo "rblk: signs them with: run \"mokutil --import $file\", restart, and confirm in"
	echo "rblk: the menu that appears before the system starts."
fi
