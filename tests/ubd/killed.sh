#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rblk-kernels: host
# rblk-timeout: 400
#
# A guest is killed while it writes to a copy-on-write disk over two of its disks. What it had flushed is
# there, by a model, by uml_moo, and by the next guest's driver; no bit stands for anything that was not
# written. A guest that is turned off without a flush loses nothing at all.
#
# QEMU has in its memory where on the disk things are, until they are flushed (qcow2): the kill takes
# what was not. Environment: RBLK_CUTS, how many guests are killed (1).

# shellcheck source=tests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
have uml_mkcow || ktap_skip_all "there is no uml_mkcow (Debian: uml-utilities)"
cuts=${RBLK_CUTS:-1} seed=${RBLK_SEED:-1}
ktap_plan $((3 * (cuts + 1)))

top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d)
# shellcheck disable=SC2154 # set by ktap.sh
trap 'rm -rf "$dir" "$ktap_output"' EXIT
cd "$dir" || exit
export TMPDIR=$dir

python3 -c '
import random, sys
random.seed(sys.argv[1])
open("back", "wb").write(random.randbytes(24 << 20))' "$seed"
uml_mkcow cow "$PWD/back"
sha256sum <back | cut -d ' ' -f 1 >sum
: >told

# A new file for each guest, over that of the last one: so all places are new.
qemu-img convert -q -f raw -O qcow2 cow 0.qcow2
image() { qemu-img create -q -f qcow2 -b "$(($1 - 1)).qcow2" -F qcow2 "$1.qcow2"; }

cat >guest <<-end
	. "$top/tests/lib/ktap.sh"
	write_to /sys/class/ubd/add "cow=/dev/vdb backing=/dev/vda force name=killed" &&
		wait_for 20 test -b /dev/killed && exec "$top/tests/ubd/lib/killed.py" "\$@"
end

# guest ROUND HOW: runs a guest, and kills it after some flushes if it is to "write". Notes what it said.
guest() {
	image "$1" && python3 - "$1" "$2" "$seed" "$top" <<-'END'
		import os, random, signal, subprocess, sys, time
		number, how, seed, top = sys.argv[1:]
		rng = random.Random(f"{seed}/{number}")
		flushes = rng.randint(8, 40) if how == "write" else -1
		drive = f"-drive file={number}.qcow2,if=virtio,format=qcow2,cache=unsafe"
		command = [f"{top}/scripts/vm", "--kernel", "fast", "--module", "ubd", "--disk", "back", "--log", "log"]
		command += ["--timeout", "380", "--qemu", drive, "--", "bash", f"{os.getcwd()}/guest", how, "/dev/killed"]
		told = [[0, 0] for _ in range(3)]
		open("log", "w").close()
		with open("err", "w") as err, subprocess.Popen(
		    [*command, seed, number], stdout=subprocess.PIPE, stderr=err, text=True
		) as vm:
		    for line in vm.stdout:
		        what, *words = line.split()
		        if what == "sum":
		            open("found", "w").write(words[0])
		            continue
		        if what not in ("f", "w"):
		            sys.exit(line)
		        told[int(words[0])][what == "w"] = int(words[1])
		        flushes -= what == "f"
		        if what == "f" and flushes == 0:
		            time.sleep(rng.choice((0, 0.005, 0.02)))
		            [directory] = [name for name in os.listdir() if name.startswith("rblk-vm.")]
		            os.kill(int(open(f"{directory}/pid").read()), signal.SIGKILL)
		end = "cut" if how == "write" else "off"
		print(told, end, vm.returncode, open("err").read())
		with open("told", "a") as file:
		    print(end, *(f"{f}:{w}" for f, w in told), file=file)
		if (flushes > 0) if how == "write" else vm.returncode:
		    sys.exit("the guest has ended by itself")
	END
}

# left: the image is what it may be.
left() {
	rm -f out
	qemu-img convert -q -O raw "$1.qcow2" cow &&
		"$top/tests/ubd/lib/killed.py" check cow back "$seed" told view &&
		uml_moo cow out && cmp out view && sha256sum <view | cut -d ' ' -f 1 >sum
}

for n in $(seq "$cuts"); do
	cp sum before
	check "guest $n writes until it is killed" guest "$n" write
	check_equal "its disk was what it had to be" "$(cat before)" "$(cat found)"
	check "what it had flushed is left" left "$n"
done
n=$((cuts + 1))
cp sum before
check "guest $n writes, and is turned off" guest "$n" once
check_equal "its disk was what it had to be" "$(cat before)" "$(cat found)"
check "all that it had written is left" left "$n"
ktap_finished
