#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""unload_race.py TIMES SECONDS: unload the module while somebody is about to be refused a disk.

Who opens a disk holds it for a moment before he holds the module. A process that gets no processor
any more is left in the middle of that: others have kept it waiting for the mutex of the disk. Then
the module is unloaded, which must wait for it: what it does next is in the module. Until that has
come about TIMES times, or for SECONDS.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time

DISK = "/dev/rram0"
LAST = os.cpu_count() - 1
# How long an unload takes that need not wait, at most.
UNLOAD = 3 * float(os.environ.get("RBLK_PATIENCE", "1"))


def opens(cpu, policy):
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, policy, os.sched_param(0))
    while True:
        with contextlib.suppress(OSError):
            os.close(os.open(DISK, os.O_RDONLY))


def hogs():
    os.sched_setaffinity(0, {LAST})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    while True:
        pass


def start(function, *args):
    process = multiprocessing.Process(target=function, args=args, daemon=True)
    process.start()
    return process


def end(*processes):
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    for process in processes:
        process.join()


def is_refused(process):
    """Whether a process is in the middle of opening a disk, and does not run."""
    with open(f"/proc/{process.pid}/stack", encoding="ascii") as file:
        stack = file.read()
    return "bdev_open" in stack and "bdev_release" not in stack


def wait_for(seconds, condition):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def unload():
    """Unload the module for certain."""
    while subprocess.run(["rmmod", "rblk"], stderr=subprocess.DEVNULL, check=False).returncode:
        time.sleep(0.05)


def attempt():
    """Whether the module was unloaded while somebody was being refused."""
    subprocess.run(["modprobe", "rblk", "ram_nr=1", "nbd_nbds_max=0"], check=True)
    refused = start(opens, LAST, os.SCHED_IDLE)
    others = [start(opens, 0, os.SCHED_OTHER) for _ in range(2)]
    time.sleep(0.2)
    hog = start(hogs)
    time.sleep(0.05)
    end(*others)
    caught = False
    if is_refused(refused):
        with subprocess.Popen(["rmmod", "rblk"], stderr=subprocess.DEVNULL) as rmmod:
            gone = wait_for(
                UNLOAD, lambda: not os.path.exists("/sys/block/rram0") or rmmod.poll()
            )
            # What need not wait is done now.
            time.sleep(0.2)
            caught = gone and not rmmod.poll() and is_refused(refused)
            # Now he goes on.
            end(hog)
            rmmod.wait()
            end(refused)
            if rmmod.returncode:
                unload()
    else:
        end(hog, refused)
        unload()
    return caught


def main():
    times, seconds = int(sys.argv[1]), float(sys.argv[2])
    # Who gets no processor gets none.
    with open("/proc/sys/kernel/sched_rt_runtime_us", "w", encoding="ascii") as file:
        file.write("-1")
    with contextlib.suppress(OSError):
        path = f"/sys/kernel/debug/sched/fair_server/cpu{LAST}/runtime"
        with open(path, "w", encoding="ascii") as file:
            file.write("0")

    caught = attempts = 0
    until = time.monotonic() + seconds
    while caught < times and time.monotonic() < until:
        caught += attempt()
        attempts += 1
    print(f"{caught} of {attempts} unloads had to wait")
    sys.exit(caught < times)


main()
