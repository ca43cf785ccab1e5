#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 120
#
# The command ubd and User-Mode Linux with the same images: UML starts from one that the command has
# made, writes it, and the command reads it; meanwhile nobody else gets it.

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
top=$(realpath "$(dirname "$0")/../..")
for program in linux.uml uml_moo; do
	command -v "$program" >/dev/null || ktap_skip_all "there is no $program (Debian: user-mode-linux, uml-utilities)"
done
ktap_plan 22
mkdir -p "$top/build"
dir=$(mktemp -d "$top/build/uml.XXXXXX")
uml=''
# shellcheck disable=SC2154 # set by ktap.sh
trap '[ -z "$uml" ] || kill -KILL -- "-$uml" 2>/dev/null; rm -rf "$dir" "$ktap_output"' EXIT
check "the command is built" cargo build -q --release --locked --manifest-path "$top/Cargo.toml" -p rblk-ubd
PATH=$(cd "$top" && realpath target/release):$PATH
cd "$dir" || exit

mkdir -p root/{bin,dev,proc}
cp "$(type -P busybox)" root/bin/
cat >root/init <<'SH'
#!/bin/busybox sh
PATH=/bin
busybox mount -t proc proc /proc
busybox cat /bulk.md5 2>/dev/null && busybox md5sum -c /bulk.md5
busybox dd if=/dev/urandom of=/bulk bs=4k count=500 2>/dev/null
busybox md5sum /bulk >/bulk.md5
busybox sync
busybox mount -o remount,ro /
echo ready
while :; do busybox sleep 60; done
SH
chmod +x root/init
truncate -s 32M base
check "there is a file system" mke2fs -q -t ext4 -b 4096 -d root base
check "an image" ubd create work.cow base
before=$(md5sum <base)

# boot LOG: UML starts, and has written all that it writes. Seldom, on a busy machine, UML 6.1 finds no file
# system on a disk that has one, and panics. It has written nothing then, and is started again.
boot() {
	local tries
	for tries in 1 2 3; do
		setsid linux.uml mem=64M uml_dir="$dir/" ubd0=work.cow root=/dev/ubda rw init=/init con=null \
			con0=null,fd:1 quiet </dev/null >"$1" 2>&1 &
		uml=$!
		wait_for 60 ready_or_gone "$1"
		! grep -q '^ready' "$1" || return 0
		cat "$1"
		grep -q 'VFS: Unable to mount root fs' "$1" || break
		ktap_msg "UML found no file system, try $tries"
		ends
	done
	return 1
}
ready_or_gone() { grep -q '^ready' "$1" || ! kill -0 "$uml" 2>/dev/null; }
# ends: all of its processes.
ends() {
	kill -KILL -- "-$uml" 2>/dev/null
	wait "$uml" 2>/dev/null
	uml=''
}

check "UML starts from it" boot said
ended() { "${@:2}" >/dev/null 2>&1; [ $? = "$1" ]; }
check "while it runs, the image is not checked" ended 5 ubd check work.cow
check "nor merged" ended 5 ubd merge work.cow merged
check "nor replaced" ended 5 ubd create --force work.cow base
check "nor is the backing file written" ended 5 ubd merge --into-backing work.cow
in_use() { ubd info work.cow | grep -q '^in use *yes$'; }
check "it is in use" in_use
ends
check "then it is not" wait_for 20 ubd check work.cow
check "it is merged" ubd merge work.cow merged
check_equal "the backing file is as it was" "$before" "$(md5sum <base)"
check "the file system is whole" e2fsck -fn merged
written() { debugfs -R "cat /bulk" "$1" 2>/dev/null | md5sum | cut -c 1-32; }
noted() { debugfs -R "cat /bulk.md5" "$1" 2>/dev/null | cut -c 1-32; }
check_equal "what UML has written is there" "$(noted merged)" "$(written merged)"
check "uml_moo merges it" uml_moo work.cow theirs
check "to the same" cmp merged theirs
check "it is merged into the backing file" ubd merge --into-backing work.cow
check "to the same" cmp merged base
check_equal "and refused then" 7 "$(ubd check work.cow 2>/dev/null; echo $?)"
check "another image is made" ubd create --force work.cow base
check "UML starts from it" boot again
ends
check "and reads what it wrote before" grep -q '^/bulk: OK' again
ktap_finished
