#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""run.py: what make torture does; see scripts/torture.sh. Boots guests that torture the drivers, and
cuts the power of others; adds up what they have done; ends at the first that fails, with the command
that does the same again."""

import argparse
import collections
import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
OUT = f"{TOP}/build/torture"
THREADS = 4


class Failed(Exception):
    """Something is wrong; `again` are the words for make that repeat it."""

    def __init__(self, what, again):
        super().__init__(what)
        self.again = again


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def splats(log):
    """What the kernel has complained of."""
    done = subprocess.run(
        ["awk", "-f", f"{TOP}/scripts/splats.awk", log], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout if done.returncode else ""


class Torture:
    """A run of so many seconds."""

    def __init__(self, options):
        self.options = options
        self.start = time.monotonic()
        self.done = collections.Counter()
        self.round = options.round or 0
        self.guests = 0

    def left(self):
        return self.options.duration - (time.monotonic() - self.start)

    def vm(self, name, *words):
        self.guests += 1
        command = [f"{TOP}/scripts/vm", "--kernel", self.options.kernel, "--cpus", "3"]
        return [*command, "--log", self.log(name), *words]

    def log(self, name):
        log = f"{OUT}/{name}.kernel.log"
        open(log, "a", encoding="ascii").close()
        return log

    def guest(self, seconds, *words):
        """Rounds in a guest."""
        name = f"guest-{self.guests}"
        command = self.vm(name, "--mem", "2048", "--timeout", str(int(seconds * 2 + 1200)), "--")
        command += [f"{TOP}/tests/torture/guest.py", "--seed", str(self.options.seed)]
        command += ["--first", str(self.round), *words]
        first, status, lines = self.round, 0, []
        with open(f"{OUT}/{name}.log", "w", encoding="utf-8") as keep:
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
            ) as guest:
                for line in guest.stdout:
                    keep.write(line)
                    keep.flush()
                    lines.append(line)
                    self.hear(line)
                status = guest.wait()
        if status == 123:
            # The emulator's fault: the same again.
            say("the emulator failed the guest: once more")
            self.round = first
            return
        if status:
            again = [f"ROUND={self.round}"]
            said = "".join(lines[-60:])
            raise Failed(f"{said}\nguest {name} ended with status {status}, in round {self.round}", again)

    def hear(self, line):
        if line.startswith("# round "):
            self.round = int(re.match(r"# round (\d+)", line)[1])
            minutes = max(int(self.left()), 0) // 60
            say(f"{line[2:].strip()}; {minutes} min left")
        elif line.startswith("# next "):
            # Of a round that failed, the same.
            self.round = int(line.split()[2])
        elif line.startswith("# done "):
            self.done.update(json.loads(line[7:]))

    def guests_until_the_end(self):
        while self.left() > 0:
            # Boots that do not last for ever, so that leaks are looked for.
            seconds = max(min(self.left(), 900), 1)
            self.guest(seconds, "--seconds", str(int(seconds)))

    def report(self):
        with open(f"{OUT}/report.json", "w", encoding="ascii") as file:
            json.dump({"seed": self.options.seed, "kernel": self.options.kernel, "done": self.done}, file, indent=1)
        lines = {"done": [], "refused, as it should be or might": [], "injected": []}
        for kind in sorted(self.done):
            count = f"{self.done[kind]:>14,}  {kind.removeprefix('injected: ')}"
            if kind.startswith("injected: "):
                lines["injected"].append(count)
            elif re.search(r": E[A-Z0-9]+$", kind):
                lines["refused, as it should be or might"].append(count)
            else:
                lines["done"].append(count)
        for title, counts in lines.items():
            print(f"{title}:")
            print("\n".join(counts) or f"{'nothing':>14}")


class PowerCuts:
    """A disk whose power is cut again and again.

    The image format is one whose table of what is where is kept in QEMU's memory until a flush: what
    was written to a new place, and not flushed, is gone with QEMU. Each boot has an overlay of its own,
    so that all places are new."""

    def __init__(self, torture):
        self.torture = torture
        self.images = f"{OUT}/images"
        self.history = []
        self.lost = self.survived = 0
        os.makedirs(self.images, exist_ok=True)
        for old in glob.glob(f"{self.images}/*.qcow2"):
            os.unlink(old)

    def image(self, cut):
        new = f"{self.images}/{cut}.qcow2"
        words = ["-b", f"{cut - 1}.qcow2", "-F", "qcow2", new] if cut else [new, "64M"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *words], check=True, cwd=self.images)
        return new

    def fail(self, cut, what):
        raise Failed(f"power cut {cut}: {what}", [f"CUTS={max(cut, 1)}"])

    def boot(self, cut, *more):
        """The guest, and its temporary directory, in which there is the number of QEMU's process."""
        name = f"cut-{cut}"
        directory = f"{OUT}/tmp"
        os.makedirs(directory, exist_ok=True)
        drive = f"-drive file={self.image(cut)},if=virtio,format=qcow2,cache=unsafe"
        command = self.torture.vm(name, "--timeout", "1200", "--qemu", drive, "--")
        command += [f"{TOP}/tests/torture/powercut.py", str(self.torture.options.seed), str(cut), "/dev/vda"]
        history = "/".join(",".join(f"{f}:{w}" for f, w in threads) for threads in self.history)
        keep = open(f"{OUT}/{name}.log", "w", encoding="utf-8")
        return subprocess.Popen(
            [*command, history, *more],
            env={**os.environ, "TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=keep,
            text=True,
        )

    @staticmethod
    def kill_qemu():
        for file in glob.glob(f"{OUT}/tmp/rblk-vm.*/pid"):
            with open(file, encoding="ascii") as pid:
                os.kill(int(pid.read()), signal.SIGKILL)

    def cut(self, number, only=False):
        """Boots, has the guest check what the last cut left, and cuts its power."""
        rng = random.Random(f"{self.torture.options.seed}/power/{number}")
        after = rng.randint(1, 150)
        told = [[0, 0] for _ in range(THREADS)]
        checked = False
        with self.boot(number, *["only"] * only) as guest:
            for line in guest.stdout:
                words = line.split()
                if words[0] == "checked":
                    checked = True
                    self.count(words[1:])
                elif words[0] in "fw":
                    told[int(words[1])][words[0] == "w"] = int(words[2])
                    after -= words[0] == "w"
                    if after == 0:
                        time.sleep(rng.choice([0, 0, 0.001, 0.01]))
                        self.kill_qemu()
                else:
                    self.fail(number, line)
            status = guest.wait()
        complaints = splats(f"{OUT}/cut-{number}.kernel.log")
        if not checked or complaints or (only and status):
            with open(f"{OUT}/cut-{number}.log", encoding="utf-8") as log:
                self.fail(number, f"{complaints}\n{log.read()[-4000:]}\nstatus {status}")
        if not only:
            if after > 0:
                self.fail(number, f"the guest ended by itself, with status {status}")
            self.history.append(told)
            self.torture.done["power cuts"] += 1
            self.torture.done["flushes before power cuts"] += sum(f for f, _ in told)

    def count(self, numbers):
        kept, newer, survived, lost = map(int, numbers)
        done = self.torture.done
        done["units checked after power cuts, as flushed"] += kept
        done["units checked after power cuts, newer"] += newer
        done["writes not flushed that power cuts took"] += lost
        self.survived += survived
        self.lost += lost

    def run(self, count, seconds):
        """So many cuts, or for so many seconds."""
        end = time.monotonic() + seconds
        number = 0
        while number < count if count else number < 2 or time.monotonic() < end:
            say(f"power cut {number}")
            self.cut(number)
            number += 1
        say("looking at what the last power cut left")
        self.cut(number, only=True)
        if number >= 6 and not self.lost:
            self.fail(number, "whatever was not flushed survived: this proves nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", default="debug")
    parser.add_argument("--duration", type=int, default=600)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--round", type=int)
    parser.add_argument("--cuts", type=int)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    os.makedirs(OUT, exist_ok=True)
    for old in glob.glob(f"{OUT}/*.log"):
        os.unlink(old)
    torture = Torture(options)
    say(f"seed {options.seed}, kernel {options.kernel}, {options.duration} s; logs are in build/torture")
    failed = None
    try:
        if options.round is not None:
            torture.guest(600, "--rounds", "1")
        elif options.cuts is not None:
            PowerCuts(torture).run(options.cuts, 0)
        else:
            PowerCuts(torture).run(None, options.duration / 4)
            torture.guests_until_the_end()
    except Failed as problem:
        failed = problem
    torture.report()
    if failed:
        print(f"FAILED: {failed}")
        print(f"again: make torture KERNEL={options.kernel} SEED={options.seed} {' '.join(failed.again)}")
        sys.exit(1)
    print(f"nothing was lost, and the kernel had nothing to complain of (seed {options.seed})")


main()
