"""Threads of three kinds: busy ones that count, ones that mostly sleep, and native ones without Python."""

import argparse
import ctypes
import threading
import time

import page


def unit():
    """About 20 us of work."""
    total = 0
    for number in range(400):
        total += number
    return total


def deep(levels, function, *arguments):
    if levels > 1:
        return deep(levels - 1, function, *arguments)
    return function(*arguments)


def work(counters, slot):
    while True:
        unit()
        counters[slot] += 1


def idle():
    while True:
        unit()
        time.sleep(0.1)


def start_native():
    """A thread that Python knows nothing of, as those of a library: it waits in pause()."""
    libc = ctypes.CDLL(None)
    thread = ctypes.c_ulong()
    if libc.pthread_create(ctypes.byref(thread), None, libc.pause, None):
        raise OSError("pthread_create failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counters")
    for kind in ("busy", "idle", "native", "depth"):
        parser.add_argument("--" + kind, type=int, default=0, metavar="N")
    options = parser.parse_args()
    counters = page.counters(options.counters)
    for slot in range(options.busy):
        threading.Thread(target=deep, args=(options.depth, work, counters, slot), daemon=True).start()
    for _ in range(options.idle):
        threading.Thread(target=deep, args=(options.depth, idle), daemon=True).start()
    for _ in range(options.native):
        start_native()
    page.ready()


main()
