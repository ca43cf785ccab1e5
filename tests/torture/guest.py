#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""guest.py --seed N [--first ROUND] [--rounds N] [--seconds S] [--round-seconds S] [--cover]: tortures
the drivers of this guest, in rounds.

What a round has is drawn from its number and the seed; each of its processes has random numbers of
its own. With --cover, it has each kind of disk, and goes on until each has done what it is for. After each round nothing may be left, and the module must go. Says what was done, or what is
wrong; the last two lines, "# next ROUND" and "# done" with numbers, are for run.py.
"""

import argparse
import collections
import json
import multiprocessing
import os
import queue
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

# pylint: disable=wrong-import-position
import faults
import noise
import packet
from actor import LONG, PATIENCE, PKT, RAM, Failure, Setting, get, is_debug, put, run, stream, until
from nbd import NbdStack
from ram import RamStack
from sweeps import Sweep
from ubd import UBD, UbdStack


def cast(setting, rng):
    """The processes of a round, and its title."""
    kind = setting.round % 4
    if kind == 2:
        return "each allocation fails", [Sweep(setting, "sweep")]
    if kind == 3:
        actors = [noise.Loader(setting, "loader")]
        actors += [noise.Visitor(setting, f"visitor{i}") for i in range(3)]
        return "the module comes and goes", actors
    faulty = kind == 1
    kinds = ["ram", "ram", "loop", "dm", "dm", "scsi"]
    actors = [
        RamStack(setting, "ramdisk", faulty),
        packet.on(rng.choice(kinds))(setting, "packet", faulty),
    ]
    if setting.cover or rng.random() < 0.4:
        actors.append(NbdStack(setting, "network", faulty))
    if setting.cover or rng.random() < 0.6:
        actors.append(UbdStack(setting, "overlay", faulty))
    others = [
        noise.Hotplug(setting, "hotplug"),
        noise.Pressure(setting, "pressure"),
        noise.Churn(setting, "churner0"),
    ]
    actors += rng.sample(others, 1 if setting.cover else rng.randint(1, 3))
    if any(actor.name == "churner0" for actor in actors):
        actors.append(noise.Churn(setting, "churner1"))
    return "faults" if faulty else "no faults", actors


def process(actor, results):
    """A process of its own."""
    try:
        results.put((actor.name, actor.play(), None))
    except (Failure, OSError) as problem:
        results.put((actor.name, actor.done, f"{problem}\n{traceback.format_exc()}"))
    except Exception:  # pylint: disable=broad-except
        results.put((actor.name, actor.done, f"in the torture itself\n{traceback.format_exc()}"))


def show_stuck(processes):
    for name, one in processes.items():
        if not one.is_alive():
            continue
        for task in os.listdir(f"/proc/{one.pid}/task"):
            try:
                stack = get(f"/proc/{one.pid}/task/{task}/stack")
            except OSError as error:
                stack = str(error)
            print(f"# {name}, task {task}:\n{stack}", flush=True)
    put("/proc/sysrq-trigger", "w")


def play(actors):
    """Runs all at a time; what they have done."""
    results = multiprocessing.Queue()
    processes = {
        actor.name: multiprocessing.Process(target=process, args=(actor, results)) for actor in actors
    }
    for one in processes.values():
        one.start()
    done = collections.Counter()
    waiting = set(processes)
    end = time.monotonic() + actors[0].setting.seconds + 2 * PATIENCE
    while waiting:
        try:
            name, more, problem = results.get(timeout=1)
        except queue.Empty:
            dead = [name for name in waiting if processes[name].exitcode]
            if dead:
                raise Failure(f"{dead[0]} died with {processes[dead[0]].exitcode}") from None
            if time.monotonic() > end:
                show_stuck(processes)
                raise Failure(f"no end of {', '.join(sorted(waiting))}") from None
            continue
        if problem:
            raise Failure(f"{name}: {problem}")
        done += more
        waiting.discard(name)
        processes[name].join()
    return done


def nothing_is_left():
    """Also, that nobody holds a reference for ever."""
    for path in (f"{UBD}/device_map", f"{RAM}/device_map", f"{PKT}/device_map"):
        if get(path):
            raise Failure(f"left behind: {get(path)}")
    until(LONG, lambda: run("rmmod", "rblk") or True, "the module to be unused")
    for path in (RAM, PKT, UBD, "/sys/kernel/debug/pktcdvd", "/dev/pktcdvd/control"):
        if os.path.exists(path):
            raise Failure(f"{path} is there without the module")


def one_round(arguments, number, directory):
    """What was done."""
    rng = stream(arguments.seed, number, "round")
    setting = Setting(
        arguments.seed, number, arguments.round_seconds, number % 4 == 1, directory, arguments.cover
    )
    title, actors = cast(setting, rng)
    names = ", ".join(f"{actor.name} ({type(actor).__name__})" for actor in actors)
    print(f"# round {number}: {title}: {names}", flush=True)
    put("/dev/kmsg", f"<6>torture: round {number}")
    if not os.path.exists("/sys/module/rblk"):
        run("modprobe", "rblk")
    # Of a sweep, nothing fails but what is asked for.
    allocations, io = rng.choice([2, 10, 50]), rng.choice([1, 5, 30])
    if setting.cover:
        allocations, io = 50, 30
    faults.prepare(allocations if setting.faults else 0, io if setting.faults else 0)
    try:
        done = play(actors)
    finally:
        faults.end()
    done.update(faults.injected())
    if os.path.exists(f"{PKT}/device_map"):
        noise.Churn.clean_up()
    nothing_is_left()
    done["rounds"] += 1
    return done


def watched():
    """What KCSAN has watched, if this kernel has it, and seen, if only of others."""
    try:
        lines = get("/sys/kernel/debug/kcsan").splitlines()
    except FileNotFoundError:
        return {}
    counts = dict(line.split(": ") for line in lines if ": " in line)
    return {f"KCSAN: {name}": int(counts[name]) for name in ("setup_watchpoints", "data_races")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1 << 30)
    parser.add_argument("--seconds", type=int, default=1 << 30)
    parser.add_argument("--round-seconds", type=int, default=40 if is_debug() else 15)
    parser.add_argument("--cover", action="store_true")
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    done = collections.Counter()
    number = arguments.first
    status = 0
    with tempfile.TemporaryDirectory(dir=os.environ.get("RBLK_SCRATCH")) as directory:
        while number < arguments.first + arguments.rounds and time.monotonic() < end:
            try:
                done += one_round(arguments, number, directory)
            except Failure as failure:
                print(f"# FAILED in round {number} of seed {arguments.seed}: {failure}", flush=True)
                status = 1
                break
            number += 1
    done.update(watched())
    print(f"# next {number}")
    print(f"# done {json.dumps(done)}", flush=True)
    # Whatever still hangs is not waited for.
    os._exit(status)


main()
