#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh: what `make run` shows, in a guest of scripts/vm. A UDF file system goes
# through the packet driver onto a RAM disk; files are copied, and compared after
# a fresh mount; the same on discs of emulated drives, if there are any; a copy-on-write
# disk over an image. Every command is shown. Ends with one line that says that it worked, or what did not;
# the exit status says the same.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd -P)

ram=/sys/class/rblk-ram
pkt=/sys/class/pktcdvd
mnt=/mnt/udf
disk_size=256M
# What is copied: this project and headers of this machine, up to these bounds.
more=(usr/include/linux usr/include/c++)
max_files=1000
max_bytes=$((24 << 20))
sync_every=400

failed() {
	printf '\n\nThe last that the kernel said of the drivers:\n'
	dmesg | grep -E 'pktcdvd|rblk-ram|rram|UDF|ubd' | tail -n 8 | sed 's/^/    /'
	printf '\nFAILED: %s\n' "$*"
	exit 1
}
if [ -z "${RBLK_SCRATCH:-}" ]; then
	echo 'this is for guests only: scripts/vm -- scripts/demo.sh' >&2
	exit 2
fi
if ! [ -d "$ram" ] || ! [ -d "$pkt" ]; then
	failed 'the module is not loaded, or not all of it'
fi
cd "$RBLK_SCRATCH" || failed 'no scratch directory'

step() { printf '\n%s\n' "$*"; }
shown() { printf '    # %s\n' "$*"; }

# run COMMAND...: show it, do it, show what it says.
run() {
	shown "$*"
	"$@" 2>&1 | sed 's/^/    /'
	[ "${PIPESTATUS[0]}" = 0 ] || failed "$*"
}

# put TEXT FILE
put() {
	shown "echo $1 > $2"
	echo "$1" >"$2" || failed "$2 does not take \"$1\""
}

# get FILE: the number in a file, without a process.
get() {
	local value
	read -r value <"$1" || failed "cannot read $1"
	REPLY=$value
}

mib() { printf '%d.%d MiB' $(($1 >> 20)) $((($1 & 0xfffff) * 10 >> 20)); }

# progress WHAT [FORCE]: how far the copy is, at most some times a second. What
# can be seen of the queue is its peak since the last time.
last=0 peak=0 width=25
progress() {
	local now=${EPOCHREALTIME/[.,]/} bar fill=''
	get "$queue/size"
	[ "$REPLY" -le "$peak" ] || peak=$REPLY
	[ -n "${2:-}" ] || [ $((now - last)) -ge "$interval" ] || return 0
	last=$now
	printf -v bar '%*s' $((peak >= on ? width : peak * width / on)) ''
	fill=${bar// /#}
	printf -v bar '%-*s' "$width" "$fill"
	bar="${bar:0:off * width / on}|${bar:off * width / on}"
	printf "%s    %-7s %4d of %d files, %8s of %s, %3d%%   queue %4d [%s]%s" "$cr" "$1" \
		"$n" "$files" "$(mib "$done")" "$(mib "$bytes")" $((done * 100 / bytes)) \
		"$peak" "$bar" "$nl"
	peak=0
}
# On a terminal one line that changes, else a line now and then.
if [ -n "${RBLK_TTY:-}" ] || [ -t 1 ]; then
	cr=$'\r' nl='' interval=200000
else
	cr='' nl=$'\n' interval=2000000
fi

step '1. A RAM disk. front=mq, since such a disk counts what it is asked for.'
put "size=$disk_size front=mq" $ram/add
run cat $ram/device_map
read -r disk lower_dev _ < <(tail -n 1 $ram/device_map) || failed 'no RAM disk'

step "2. A packet device on top of it. To packets of 64 KiB the RAM disk is what a
   flash card or a disc would be: it will be written in whole ones only."
put "$lower_dev" $pkt/add
run cat $pkt/device_map
read -r name dev mapped < <(tail -n 1 $pkt/device_map) || failed 'no packet device'
[ "$mapped" = "$lower_dev" ] || failed "$name is mapped to $mapped"
node=/dev/pktcdvd/$name
queue=$pkt/$name/write_queue
stat=$pkt/$name/stat

step '3. A file system on it, as on any disk.'
shown "mkudffs --label=rblk $node"
mkudffs --label=rblk "$node" >mkudffs.log 2>&1 || failed "mkudffs: $(tail -n 3 mkudffs.log)"
mkdir -p $mnt
run mount -t udf "$node" $mnt

step "4. Writers are held back when the queue reaches congestion_on, until it is down
   to congestion_off. Here these marks are as low as they can be, to see them at work."
put 500 "$queue/congestion_on"
run grep . "$queue/congestion_on" "$queue/congestion_off"
get "$queue/congestion_on" && on=$REPLY
get "$queue/congestion_off" && off=$REPLY

# Only names that every program here prints as they are.
plain='*[!-A-Za-z0-9._+@%,=~]*'
list() {
	find "$@" \( -name .git -o -name build -o -name target -o -name "$plain" \) -prune -o \
		-type f -size +0 -size -1024k -printf '%s %p\n' | sort -k 2
}
(cd "$top" && list . | sed 's, \./, ,') >ours
(cd / && list "${more[@]}" 2>/dev/null) >theirs
awk -v files="$max_files" -v bytes="$max_bytes" -v top="$top" '
	{ if (++n > files || (sum += $1) > bytes) exit }
	FNR == 1 { print "-C " (FNR == NR ? top : "/.") >"names" }
	{ print $2 >"names"; print $1 >"sizes"; print $2 > (FNR == NR ? "ours.names" : "theirs.names") }
' ours theirs
mapfile -t sizes <sizes
files=${#sizes[@]} bytes=0
for size in "${sizes[@]}"; do bytes=$((bytes + size)); done
[ "$files" -ge 50 ] || failed "only $files files to copy"

step "5. $files files of this project and of this machine's /usr/include; after each
   $sync_every files the kernel is told to write them out. The bar is the longest that the
   write queue was since the last look: full at $on, | is at $off."
shown "tar -cT names | tar -xvC $mnt; sync -f $mnt"
: >trouble
syncing=''
# One at a time.
start_sync() {
	[ -z "$syncing" ] || ! kill -0 "$syncing" 2>/dev/null || return 0
	{ sync -f $mnt || echo sync >>trouble; } &
	syncing=$!
}
copy() {
	local status
	while :; do
		# Looks at the queue also while tar is held back.
		IFS= read -r -t 0.1
		status=$?
		if [ "$status" = 0 ]; then
			done=$((done + sizes[n]))
			n=$((n + 1))
			[ $((n % sync_every)) != 0 ] || start_sync
		elif [ "$status" -lt 128 ]; then
			break
		fi
		progress copied
	done
	wait
	start_sync
	while kill -0 "$syncing" 2>/dev/null; do
		progress synced
		sleep 0.1
	done
	wait
	progress synced now
}
n=0 done=0
{ { tar -cf - -T names 2>tar.log || echo tar >>trouble; } |
	tar -C $mnt --no-same-owner -xvf - || echo untar >>trouble; } | copy
[ -n "$nl" ] || echo
[ ! -s trouble ] || failed "$(paste -sd ' ' trouble): $(tail -n 3 tar.log)"
run umount $mnt

# Before anything is read for the comparison.
declare -A stats
for s in packets_started packets_finished packets_full packets_failed kb_written kb_read_gather \
	queue_max errors; do
	get "$stat/$s"
	stats[$s]=$REPLY
done
read -r _ _ _ _ disk_writes _ disk_sectors _ <"/sys/block/$disk/stat"
read -r _ _ _ _ user_writes _ <"/sys/block/$name/stat"

step '6. Is everything there? Mounted again, each file is compared with where it came from.'
touch theirs.names
shown 'sha256sum of the sources > sums'
{ (cd "$top" && xargs -r sha256sum) <ours.names && (cd / && xargs -r sha256sum) <theirs.names; } \
	>sums || failed 'the sources cannot be read'
[ "$(wc -l <sums)" = "$files" ] || failed 'the sources changed'
run mount -t udf -o ro "$node" $mnt
shown "cd $mnt; sha256sum -c sums"
(cd $mnt && sha256sum -c "$RBLK_SCRATCH/sums") >checked 2>&1 ||
	failed "files differ: $(grep ': FAILED' checked | head -n 3 | paste -sd ' ')"
same=$(grep -c ': OK$' checked)
found=$(find $mnt -type f | wc -l)
[ "$same $found" = "$files $files" ] || failed "$same of $files files match, $found found"
printf '    %s files match, %s, and no others are there\n' "$same" "$(mib "$bytes")"
run umount $mnt

step '7. What happened, up to the first umount.'
get "$pkt/$name/packet_buffers"
buffers=$REPLY
get "/sys/block/$name/queue/optimal_io_size"
packet_kb=$((REPLY >> 10))
finished=${stats[packets_finished]}
disk_kb=$((disk_sectors / 2))
row() { printf '    %-40s %8s %s\n' "$@"; }
ratio() { printf '%d.%02d' $(($1 / $2)) $(($1 * 100 / $2 % 100)); }
row 'files' "$((bytes >> 10))" KiB
row 'written by the file system' "${stats[kb_written]}" "KiB, in $user_writes writes"
row 'packets started' "${stats[packets_started]}" "of $packet_kb KiB, in $buffers buffers"
row 'packets finished' "$finished" ''
row '  that were written full' "${stats[packets_full]}" ''
row 'gather reads, to complete the others' "${stats[kb_read_gather]}" KiB
row "written to $disk (/sys/block/$disk/stat)" "$disk_kb" "KiB, in $disk_writes writes"
row 'write amplification' "$(ratio "$disk_kb" "${stats[kb_written]}")" \
	"written to $disk / by the file system"
row '  with a packet for each write' "$(ratio $((user_writes * packet_kb)) "${stats[kb_written]}")" \
	'without gathering, for comparison'
row 'longest write queue' "${stats[queue_max]}" "writers are held back at $on"
[ "${stats[packets_failed]} ${stats[errors]}" = '0 0' ] ||
	failed "${stats[packets_failed]} packets and ${stats[errors]} other requests failed"
[ "${stats[packets_started]}" = "$finished" ] || failed 'a packet was not finished'
[ "$disk_writes $disk_kb" = "$finished $((finished * packet_kb))" ] ||
	failed "$disk saw something else than $finished writes of whole packets"

number=8
if [ -e /dev/sr0 ]; then
	# shellcheck source=scripts/demo-drives.sh
	. "$top/scripts/demo-drives.sh"
	number=10
fi

# shellcheck source=scripts/demo-overlay.sh
. "$top/scripts/demo-overlay.sh"
number=$((number + 3))

step "$number. All of it goes away again."
put "$dev" $pkt/remove
put "$disk" $ram/remove
left=$(cat $pkt/device_map $ram/device_map)
[ -z "$left" ] || failed "still there: $left"
run rmmod rblk

printf '\nIt worked: %s files went through the packet driver in %s whole packets and came back intact (%s s).\n' \
	"$files" "$finished" "$SECONDS"
