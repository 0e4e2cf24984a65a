"""Short phases in turn: of calls without end, and of one call that stays.

Truth: the CPU time of each."""

import argparse
import json
import os
import random
import time
import zlib

import nesting

nesting.turns = 100  # so that it calls most of the time
DATA = bytes(range(256)) * 400


def busy():
    for _ in range(30):
        nesting.nested(nesting.DEPTH)


def still():
    for _ in range(random.randrange(20)):  # so that no rate of sampling is in step with it
        zlib.crc32(DATA)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    seconds = parser.parse_args().seconds
    used_ns = {"busy": 0, "still": 0}
    print(json.dumps({"pid": os.getpid()}), flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for phase in busy, still:
            before_ns = time.thread_time_ns()
            phase()
            used_ns[phase.__name__] += time.thread_time_ns() - before_ns
    print(json.dumps({"truth": used_ns}), flush=True)


main()
