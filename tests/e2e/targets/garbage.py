"""One thread that computes, and collects cyclic garbage now and then: by its own calls and as objects are made.

Truth: seconds per activity, those of garbage collection by gc.callbacks.
"""

import gc
import random
import time

import truth

SECONDS = {"collecting": 0.0, "all": 0.0}
started = 0.0


def watch(phase, info):
    global started
    now = time.perf_counter()
    if phase == "start":
        started = now
    else:
        SECONDS["collecting"] += now - started


class Node:
    pass


def make_cycles(count):
    for _ in range(count):
        a, b = Node(), Node()
        a.other, b.other = b, a


def compute(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def main():
    options = truth.arguments(__doc__)
    kept = [[Node()] for _ in range(60_000)]
    gc.callbacks.append(watch)
    truth.ready()
    started_all = time.perf_counter()
    for _ in truth.until(options.seconds):
        compute(random.uniform(0.005, 0.03))
        make_cycles(2_000)
        gc.collect()
    SECONDS["all"] = time.perf_counter() - started_all
    gc.callbacks.remove(watch)
    assert len(kept) == 60_000
    truth.tell(**SECONDS)


main()
