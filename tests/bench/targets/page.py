"""What the target programs share: a page of counters of work done, the word that they are ready, how to stand back."""

import mmap
import os
import sys

UNTIL = -1  # the last number of the page is no counter: ping-pong plays until then, in ns of the monotonic clock


def counters(path):
    """Counters that the bench reads while the program runs; one for each thread, so none is lost."""
    with open(path, "r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")


def ready():
    """Say so, and end when the bench closes our standard input."""
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


def stand_back():
    """Leave the CPU to whoever else wants it; for a target that is pinned, called before it has threads.

    Two threads that wake each other at normal priority can keep a CPU for minutes (Linux 6.18): its kworkers starved,
    disk writes hung, and dmesg said "workqueue lockup". Under SCHED_IDLE they waited for a tenth of a second at most.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
