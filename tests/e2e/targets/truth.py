"""Prints what a target program knows about itself: a JSON line when it is ready, another at its end."""

import argparse
import json
import os
import sys
import time

QUALIFIED = sys.version_info >= (3, 11)  # code objects have a qualified name, which is what a capture shows


def arguments(description, **numbers):
    """Parse --seconds and an integer option for each of the numbers, which are the defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="run for S seconds (default: 5)")
    for name, default in numbers.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=default, metavar="N",
                            help="default: %(default)s")
    return parser.parse_args()


def say(line):
    """at is CLOCK_MONOTONIC, the clock of a capture."""
    print(json.dumps({**line, "at": time.monotonic()}), flush=True)


def ready():
    say({"ready": True, "pid": os.getpid()})


def shown(function):
    """The name that a capture has of a function."""
    return function.__qualname__ if QUALIFIED else function.__name__


def plain(callers):
    """The callers of each function without the classes and functions around them."""
    plain = {}
    for name, of in callers.items():
        plain.setdefault(name.rpartition(".")[2], []).extend(caller.rpartition(".")[2] for caller in of)
    return {name: sorted(set(of)) for name, of in plain.items()}


def tell(**truth):
    if "callers" in truth and not QUALIFIED:
        truth["callers"] = plain(truth["callers"])
    say({"truth": truth})


def until(seconds):
    """Yield again and again until the seconds are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def define(source, filename, **names):
    """Run generated source, which finds these names, and return the names that it defines."""
    exec(compile(source, filename, "exec"), names)
    return names


class Ledger:
    """Adds up the seconds that functions take, by their qualified names."""

    def __init__(self):
        self.wall = {}
        self.cpu = {}

    def run(self, function, *arguments):
        wall, cpu = time.perf_counter(), time.thread_time()
        function(*arguments)
        cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
        name = shown(function)
        self.wall[name] = self.wall.get(name, 0.0) + wall
        self.cpu[name] = self.cpu.get(name, 0.0) + cpu
