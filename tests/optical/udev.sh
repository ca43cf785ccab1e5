#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: fast
# rblk-args: --drive cdrw,strict-cache,blocks=16384 --drive dvd-rw,strict-cache,blocks=16384 --drive dvd+rw,strict,blocks=16384 --drive dvdram,strict,blocks=16384 --drive bd-re,strict,blocks=16384
# rblk-timeout: 240
#
# With a systemd-udevd that runs, the rules that come with it and with udftools, and ours: a disc is
# mapped when it is put in, and unmapped when it is gone; its file system gets links; the button on
# the drive ends in an open tray, after what was written is on the disc. All of udevd, of its rules
# and of cdrom_id is Debian's.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=tests/optical/lib/optical.sh
. "$(dirname "$0")/lib/optical.sh"
# shellcheck source=tests/optical/lib/stock.sh
. "$(dirname "$0")/lib/stock.sh"
# shellcheck source=tests/lib/udev.sh
. "$(dirname "$0")/../lib/udev.sh"

ktap_plan 63
prefix=$UDEV_PREFIX
conf=$prefix/etc/pktcdvd.conf

# shellcheck disable=SC2317 # called by trap
leave() {
	umount "$MNT" 2>/dev/null
	desktop_stop
	! mountpoint -q /bin/systemctl || umount /bin/systemctl
	rm -rf /run/systemd
	udev_stop
	clean_up
	# shellcheck disable=SC2154 # set by ktap.sh
	rm -f "$ktap_output"
}
trap leave EXIT

# on N: the packet device on a drive.
on() {
	local lower
	lower=$(number "$(drive_sr "$1")") || return
	awk -v lower="$lower" '$3 == lower { print $1 }' "$PKT/device_map"
}
is_mapped() { [ -n "$(on "$1")" ]; }
are_mapped() {
	local n
	for n; do is_mapped "$n" || return; done
}
# Files in sysfs have no size.
none_mapped() { [ -z "$(cat "$PKT/device_map")" ]; }
# leads LINK N: a link leads to the packet device on a drive.
leads() { [ "$(realpath "/dev/$1")" = "$(node "$(on "$2")")" ]; }
# gone LINK: it leads to no packet device.
gone() { [ ! -e "/dev/$1" ] || ! [[ $(realpath "/dev/$1") == */pktcdvd* ]]; }
# property N NAME: of the packet device on a drive, in udev's database.
property() { udevadm info --query=property --property="$2" --value "$(node "$(on "$1")")"; }
# has_file NODE: the file that was written is there.
has_file() {
	mount -t udf -o ro "$1" "$MNT" && cmp "$RBLK_SCRATCH/file" "$MNT/file" && umount "$MNT"
}
is_open() { [ "$(drive_get "@$1" tray_open)" = 1 ]; }
# mounted_at: where a desktop has mounted a disc.
mounted_at() { awk '$2 ~ "^/media/" { print $2 }' /proc/mounts; }
is_mounted() { mountpoint -q "$MNT"; }
# press N: the button.
press() { drive_ctl "@$1" button >/dev/null; }
is_locked() { [ "$(drive_get "@$1" locked)" = 1 ]; }

clean_up
for n in "${!ALL_DRIVES[@]}"; do
	drive_ctl "@$n" reset >/dev/null
	drive_ctl "@$n" insert none
done
check "udevd runs" udev_start "${PKTCDVD:-$top/target/release/pktcdvd}"
check "udisks runs" desktop_start "$(drive_sr 0)"
check_fails "udevd understands the rules" grep -F 90-pktcdvd.rules: "$UDEV_LOG"
check_equal "without a disc nothing is mapped" "" "$(cat "$PKT/device_map")"

# Put in.
for n in "${!ALL_DRIVES[@]}"; do
	drive_ctl "@$n" insert "${ALL_DRIVES[$n]},blocks=16384"
done
for n in "${!ALL_DRIVES[@]}"; do
	check "${ALL_DRIVES[$n]}: put in, it is mapped" within 30 is_mapped "$n"
done
udev_settle
udevadm trigger --action=change --subsystem-match=block --sysname-match='sr*'
udev_settle
check "looked at again, all stay mapped" are_mapped "${!ALL_DRIVES[@]}"
check_equal "a device is for the group cdrom" cdrom "$(stat -c %G "$(node "$(on 2)")")"
check_equal "a disc without a file system is not waited for" 0 "$(property 2 SYSTEMD_READY)"

# A file system.
# listen: what udev announces from now on is in $RBLK_SCRATCH/monitor.
listen() {
	udevadm monitor --udev --property >"$RBLK_SCRATCH/monitor" &
	monitor=$!
	within 20 grep -q '^UDEV ' "$RBLK_SCRATCH/monitor"
}
listen_no_more() {
	kill "$monitor"
	wait "$monitor" 2>/dev/null
}
listen
check "a file system is made" mkudffs --label=ours --uuid=0123456789abcdef "$(node "$(on 2)")"
check "its label is a link" within 20 leads disk/by-label/ours 2
check "and its UUID" within 20 leads disk/by-uuid/0123456789abcdef 2
udev_settle
listen_no_more
# told NAME VALUE: a change of a packet device that had this property was announced.
told() {
	awk -v want="$1=$2" -v RS= -F '\n' '/ACTION=change/ && /DEVNAME=\/dev\/pktcdvd/ {
		for (i = 1; i <= NF; i++) found += $i == want } END { exit !found }' "$RBLK_SCRATCH/monitor"
}
check "desktops are told" told ID_FS_LABEL ours

# asked NODE KEY...: what udisks says of a device.
asked() {
	udisksctl info -b "$1" >"$RBLK_SCRATCH/asked" 2>&1 || return
	shift
	for key; do sed -n "s/^ *$key:  *//p" "$RBLK_SCRATCH/asked" | head -n 1; done | paste -sd ' '
}
# shows N LABEL: desktops mount the packet device by themselves, as what is in the drive.
shows() {
	local path
	path=$(asked "$(drive_sr "$1")" Drive)
	if [[ $path != */drives/* ]] ||
		[ "$(asked "$(node "$(on "$1")")" HintAuto HintSystem HintIgnore IdLabel Drive)" != \
			"true false false $2 $path" ]; then
		cat "$RBLK_SCRATCH/asked"
		return 1
	fi
}
check "desktops mount it, as the disc of its drive" within 20 shows 2 ours
check_equal "and pass over the drive" true "$(asked "$(drive_sr 2)" HintIgnore)"
check_equal "systemd may, too" "" "$(property 2 SYSTEMD_READY)"

# The button, without our rules: the reason for them.
random_file "$RBLK_SCRATCH/file" 3000000
mv "$UDEV_RULES" "$RBLK_SCRATCH/"
udevadm control --reload
# The link leads to the drive until udev has looked at the packet device, too.
dirty() {
	within 30 leads disk/by-label/ours 2 && mount -t udf /dev/disk/by-label/ours "$MNT" &&
		cp "$RBLK_SCRATCH/file" "$MNT/file"
}
drive_ctl @3 reset-stats
mkudffs --label=lost "$(node "$(on 3)")" >/dev/null && mount -t udf "$(node "$(on 3)")" "$MNT" &&
	cp "$RBLK_SCRATCH/file" "$MNT/file"
within 20 is_locked 3
press 3
check "by other rules, the tray opens" within 30 is_open 3
check "under what is mounted" is_mounted
umount "$MNT"
drive_ctl @3 load
check_fails "the file is not there" has_file "$(drive_sr 3)"
umount "$MNT" 2>/dev/null
mv "$RBLK_SCRATCH/90-pktcdvd.rules" "$UDEV_RULES"
udevadm control --reload

# The button.
drive_ctl @2 reset-stats
by_desktop() { udisksctl mount -b "$(node "$(on 2)")" && cp "$RBLK_SCRATCH/file" "$(mounted_at)/file"; }
check "a desktop mounts it, a file is written and not flushed" by_desktop
check "the door is locked" within 20 is_locked 2
# What is left of another file system: nobody can tell which of the two it is.
magic() { printf %b "$1" | dd of="$(node "$(on 2)")" bs=1 seek=1080 conv=notrunc,fsync status=none; }
kind() { blkid -p -o value -s TYPE "$(node "$(on 2)")"; }
magic '\123\357'
check_fails "what is mounted cannot be told" kind
udevadm trigger --action=change "/sys/class/block/$(on 2)"
udev_settle
check_equal "which does not take it from systemd" "" "$(property 2 SYSTEMD_READY)"
magic '\0\0'
press 2
check "the tray opens" within 60 is_open 2
check_equal "what was mounted is unmounted" "" "$(mounted_at)"
no_directory() { ! compgen -G '/media/*/ours' >/dev/null; }
check "the desktop takes its directory away" within 20 no_directory
check_equal "the drive had written all" "0 0" "$(drive_get @2 cache) $(drive_get @2 cache_lost)"
check_equal "and refused nothing" 0 "$(drive_get @2 writes_rejected)"
unmapped() { ! is_mapped 2; }
check "it is not mapped any more" within 30 unmapped
check "its links are gone" within 30 gone disk/by-label/ours
# A link would lead to the drive until udev has looked at the packet device, too.
slow=${UDEV_RULES%/*}/89-slow.rules
echo 'KERNEL=="pktcdvd[0-9]*", ACTION!="remove", PROGRAM="/bin/sleep 3"' >"$slow"
udevadm control --reload
# mapped_then_leads: its label never leads to the drive.
mapped_then_leads() {
	local end=$((SECONDS + $(patience 60)))
	while ! leads disk/by-label/ours 2; do
		[ "$SECONDS" -lt "$end" ] && [ "$(realpath /dev/disk/by-label/ours)" != "$(drive_sr 2)" ] || return
		sleep 0.1
	done
}
drive_ctl @2 load
check "the tray shut, it is mapped again" within 30 is_mapped 2
check "and its label leads to it, never to the drive" mapped_then_leads
rm "$slow"
udevadm control --reload
check "the file is there" has_file /dev/disk/by-label/ours

# Somebody uses what is mounted.
check "mounted again, and written" dirty
exec {held}<"$MNT/file"
within 20 is_locked 2
listen
press 2
# It ends by having udev look at the drive again, as it ends when the tray was opened.
noticed() { grep -q '^DISK_EJECT_REQUEST=' "$RBLK_SCRATCH/monitor"; }
looked_again() {
	awk -v RS= '/\nDISK_EJECT_REQUEST=/ { asked = 1; next }
		asked && /\nDEVNAME=\/dev\/sr/ && /\nID_CDROM_MEDIA=1(\n|$)/ { found = 1 } END { exit !found }' \
		"$RBLK_SCRATCH/monitor"
}
check "the button is noticed" within 30 noticed
check "when it could not be unmounted, udev looks at the drive again" within 60 looked_again
listen_no_more
check_equal "the tray stays shut, and mounted what is mounted" "0 0" \
	"$(drive_get @2 tray_open) $(is_mounted; echo $?)"
exec {held}<&-
within 20 is_locked 2
press 2
check "when nobody uses it, the tray opens" within 60 is_open 2
drive_ctl @2 load
within 30 is_mapped 2
check "nothing is lost" has_file "$(node "$(on 2)")"

# A desktop lets go of it.
check "a desktop mounts it again" within 20 by_desktop
check "and unmounts it" udisksctl unmount -b "$(node "$(on 2)")"
# eject_by_desktop N: as the button of a file manager does it.
eject_by_desktop() {
	local path
	path=$(asked "$(drive_sr "$1")" Drive)
	busctl call org.freedesktop.UDisks2 "${path//\'/}" org.freedesktop.UDisks2.Drive Eject 'a{sv}' 0
}
check "and ejects it" eject_by_desktop 2
check "it is not mapped any more" within 30 unmapped
udev_settle
check_equal "udev has looked at both devices, and the tray is open" 1 "$(drive_get @2 tray_open)"
drive_ctl @2 load
check "the tray shut, it is mapped" within 30 is_mapped 2

# With systemd, a unit does it.
printf '#!/bin/sh\necho "$@" >>"%s"\n' "$RBLK_SCRATCH/systemctl" >"$RBLK_SCRATCH/fake"
chmod +x "$RBLK_SCRATCH/fake"
mkdir -p /run/systemd/system
mount --bind "$RBLK_SCRATCH/fake" /bin/systemctl
dirty
within 20 is_locked 2
press 2
check "systemd is asked" within 30 test -s "$RBLK_SCRATCH/systemctl"
udev_settle
check_equal "for the unit, and nothing else is done" \
	"--no-block start pktcdvd-eject@$(basename "$(drive_sr 2)").service 0 0" \
	"$(cat "$RBLK_SCRATCH/systemctl") $(drive_get @2 tray_open) $(is_mounted; echo $?)"
unit=$(sed -n 's/^ExecStart=//p' "$prefix/lib/systemd/system/pktcdvd-eject@.service")
check "what the unit has" eval "${unit/\%i/$(basename "$(drive_sr 2)")}"
check "opens the tray" is_open 2
umount /bin/systemctl
rmdir /run/systemd/system

# Discs that are no business of ours; taken out.
drive_ctl @0 insert cdrw,profile=09
drive_ctl @1 insert dvd-rw,profile=10
drive_ctl @4 eject
only_3() { is_mapped 3 && [ "$(wc -l <"$PKT/device_map")" = 1 ]; }
check "a CD-R and a DVD-ROM in their place are not mapped" within 30 only_3
within 20 is_locked 1
press 1
check "the button opens them as ever" within 30 is_open 1
for n in 0 3; do drive_ctl "@$n" eject; done
check "taken out, all are unmapped" within 30 none_mapped

# A drive that cannot be mapped for a reason that passes: then it is, and not before. The rules of
# udftools, which map it as well, are not there meanwhile.
others=${UDEV_RULES%/*}/80-pktsetup.rules
: >"$others"
udevadm control --reload
real=$(realpath "$prefix/sbin/pktcdvd")
rm "$prefix/sbin/pktcdvd"
cat >"$prefix/sbin/pktcdvd" <<-END
	#!/bin/sh
	[ -e "$RBLK_SCRATCH/passed" ] && exec "$real" "\$@"
	touch "$RBLK_SCRATCH/tried"
	exit 5
END
chmod +x "$prefix/sbin/pktcdvd"
drive_ctl @3 insert "${ALL_DRIVES[3]},blocks=16384"
check "a disc comes when its drive is busy" within 30 test -e "$RBLK_SCRATCH/tried"
check_equal "and is not mapped" '' "$(cat "$PKT/device_map")"
touch "$RBLK_SCRATCH/passed"
check "when that has passed, it is" within 60 only_3
udev_settle
ln -sfn "$real" "$prefix/sbin/pktcdvd"
rm "$others"
udevadm control --reload
drive_ctl @3 eject
within 30 none_mapped

# The configuration.
printf '# a comment\n\nother /dev/none\ndisc %s packet_buffers=9\n' "$(drive_sr 0)" >"$conf"
check "a drive of the configuration is mapped" "$prefix/libexec/pktcdvd-udev" map disc
udev_settle
check "by its name" leads pktcdvd/disc 0
eject "$(drive_sr 0)"
udevadm trigger --action=change "/sys/block/$(basename "$(drive_sr 0)")" "/sys/block/$(on 0)"
udev_settle
check "it stays mapped while the drive is empty" leads pktcdvd/disc 0
check_equal "and when udev looks at it, the tray stays open" 1 "$(drive_get @0 tray_open)"
check_equal "with its options" 9 "$(attribute "$(on 0)" packet_buffers)"
# shellcheck disable=SC2154 # set by ktap.sh
[ "$ktap_failed" = 0 ] || tail -n 40 "$UDEV_LOG" | sed 's/^/# udevd: /'
ktap_finished
