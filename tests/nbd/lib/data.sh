# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # what nbd.sh sets
#
# For tests that move data: fio and file systems on our server, whose connections die. Sourced
# after nbd.sh.

# What overlaps and is under way together may come in any order.
verify=(--verify=crc32c --verify_fatal=1 --serialize_overlap=1)

# job OPTIONS: one fio job on the device.
job() {
	fio --name=job --filename=/dev/nbd0 --direct=1 --ioengine=libaio --iodepth=32 \
		--group_reporting --randseed="${RBLK_SEED:-1}" "$@"
}

# begin_ours SERVER-OPTIONS: connections=N (1) to our own server, over $over (unix, tcp or tcp6).
begin_ours() {
	ours "$@"
	case ${over:-unix} in
	unix) address=unix:$tmp/ours ;;
	tcp) address=tcp:127.0.0.1:10999 ;;
	tcp6) address='tcp:[::1]:10999' ;;
	esac
	"$genl" connect 0 "$address" "connections=${connections:-1}" timeout="$(patience 10)" \
		dead="$(patience 60)" >/dev/null
}
end_ours() {
	"$genl" disconnect 0
	becomes_unused 0
	quit
}

# requests LARGEST SIZE LIMIT: of all sizes up to LARGEST, in buffers of all kinds, of a device that
# sends LIMIT bytes at a time. Six results.
requests() {
	check "random, 512 bytes to $1" job --rw=randwrite --bsrange=512-"$1" --blockalign=512 \
		--bs_unaligned=0 --size="$2" "${verify[@]}"
	check "buffers aligned to 512 bytes" job --rw=randwrite --bsrange=512-"$1" \
		--blockalign=512 --iomem_align=512 --size="$2" "${verify[@]}"
	check "io_uring, fixed buffers" job --ioengine=io_uring --fixedbufs --rw=randwrite \
		--bs="$1" --size="$2" "${verify[@]}"
	check "through the page cache" job --direct=0 --ioengine=psync --iodepth=1 \
		--rw=randwrite --bsrange=1k-30k --bs_unaligned --size=2M --end_fsync=1 "${verify[@]}"
	check_equal "they are sent in pieces" "$3" "$(stat_of max_length)"
	check_equal "the server has nothing to complain about" 0 "$(stat_of violations)"
}

# Replaces connections that die, from now on.
keep() {
	"$genl" keep 0 "$address" >"$tmp/kept" 2>&1 &
	keeper=$!
	wait_for 20 grep -q ready "$tmp/kept"
}
keep_no_more() {
	kill "$keeper"
	wait "$keeper" 2>/dev/null
}
replaced() { grep -c reconnected "$tmp/kept"; }

# until_replaced N COMMAND...: again and again, until N connections more have been replaced.
until_replaced() {
	local wanted=$(($(replaced) + $1)) end=$((SECONDS + $(patience 60)))
	shift
	while "$@"; do
		[ "$(replaced)" -lt "$wanted" ] || return 0
		[ "$SECONDS" -lt "$end" ] || { echo "only $(replaced), not $wanted" && return 1; }
	done
}

# each_dies FAULT EVERY COMMAND...: while that strikes each EVERYth request it is for. There must be
# more than a few.
each_dies() {
	local fault=$1,every=$2,times=0 status
	shift 2
	tell reset
	tell fault "$fault"
	"$@"
	status=$?
	tell fault none
	echo "status $status, $(stat_of faults) times $fault"
	[ "$status" = 0 ] && [ "$(stat_of faults)" -gt 3 ]
}

# fill DIRECTORY: copies it to the file system. same DIRECTORY: as that, all of it.
same() { diff -r "$1" "$tmp/mnt/${1##*/}"; }
fill() {
	mount /dev/nbd0 "$tmp/mnt" || return
	cp -r "$1" "$tmp/mnt/" && sync -f "$tmp/mnt" && umount "$tmp/mnt"
}

# The kernel has not complained of a disk or a file system since the mark.
quiet() {
	since >"$tmp/log" || return
	! grep -E 'I/O error|lost async page|EXT4-fs (error|warning)|JBD2: ' "$tmp/log"
}

# keeps_files EVERY: what is copied to a file system while each EVERYth write is cut short is there,
# and nobody was told of an error. Six results.
keeps_files() {
	local tree
	tree=$(realpath "$nbd_lib/../../../drivers")
	mark
	mkdir -p "$tmp/mnt"
	check "a file system is made" mkfs.ext4 -q -b 4096 /dev/nbd0 32M
	check "and filled while connections die" each_dies cut,cmd=write,value=1000 "$1" \
		fill "$tree"
	check "fsck finds nothing" e2fsck -fn /dev/nbd0
	mount -o ro /dev/nbd0 "$tmp/mnt"
	check "what was written is there" same "$tree"
	umount "$tmp/mnt"
	check "no error was logged" quiet
	check_equal "and the server has nothing to complain about" 0 "$(stat_of violations)"
}

# fails_with NAME ARGUMENTS: that is what ARGUMENTS complain of.
fails_with() {
	local text=$1
	shift
	"$@" >"$tmp/said" 2>&1 && return 1
	grep -q "$text" "$tmp/said" || { cat "$tmp/said"; return 1; }
}
