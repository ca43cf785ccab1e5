# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# File systems on packet devices, for tests that judge by programs that others wrote. Sourced after
# optical.sh. The drives of such a test are all_drives.

# shellcheck disable=SC2034 # used by those who read this file
ALL_DRIVES=(cdrw dvd-rw dvd+rw dvdram bd-re)
MNT=/mnt/udf
top=$(realpath "$OPTICAL/../../..")
mkdir -p $MNT

# format NODE MEDIA [OPTIONS]: as a user would; mkudffs 2.3 does not know a BD-RE when it sees one.
format() {
	local node=$1 media=$2
	shift 2
	[ "$media" != bd-re ] || set -- --media-type=dvdram "$@"
	mkudffs "$@" "$node"
}

# sums: of all files that are mounted.
sums() {
	(cd $MNT && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# mounted NODE MODE COMMAND...: does that while NODE is mounted; its status is that of the first that
# fails.
mounted() {
	local node=$1 mode=$2 status
	shift 2
	mount -t udf -o "$mode" "$node" $MNT || return
	"$@"
	status=$?
	umount $MNT && return "$status"
}

# keeps FILE COMMAND...: does that, and puts the sums of what is mounted then into a file.
keeps() {
	local file=$1
	shift
	"$@" && sums >"$file"
}

# same FILE: what is mounted has these sums.
same() {
	[ -s "$1" ] && sums | cmp - "$1"
}

# worn: how many packets were written more often than once.
worn() {
	order wear | awk '$2 > 1 { n++ } END { print n + 0 }'
}

# faultless [DISC]: what a drive counts if nobody asked of it what it cannot do: writes that it refused, that
# were less than a packet, that it had to complete by itself; and, where a drive may be unable to do
# that (0 and 1, CD-RW and DVD-RW, but for a Mount Rainier format), reads while something was in its
# cache.
# shellcheck disable=SC2154 # $drive is set by fresh, or by the test
faultless() {
	local cached=$((drive < 2))
	[[ ${1-} != *,mrw* ]] || cached=0
	order stats | awk -v cached="$cached" '
		$1 == "dirty_reads" && !cached { next }
		/^(writes_rejected|writes_partial|rmw|dirty_reads) / { print $1, $2; bad += $2; n++ }
		END { exit bad > 0 || n < 3 + cached }'
}
