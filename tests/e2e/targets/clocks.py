"""Threads that run without the GIL, with it, and now and then, and after --seconds wait until the end.

Truth, per thread by name: the seconds that work() took, on the wall clock and on the thread's own CPU clock,
and all that the kernel tells of the thread then: CPU time, and time on a run queue.
"""

import hashlib
import pathlib
import random
import threading
import time

import truth

BLOCK = bytes(1 << 20)
done = threading.Event()


def free():
    hashlib.sha256(BLOCK)


def bound():
    for _ in range(20_000):
        pass


def seldom():
    bound()
    time.sleep(random.uniform(0.002, 0.02))


def work(act, end):
    while time.monotonic() < end:
        act()


def live(act, end, told):
    wall, cpu = time.monotonic(), time.thread_time()
    work(act, end)
    cpu, wall = time.thread_time() - cpu, time.monotonic() - wall
    kernel = pathlib.Path("/proc/thread-self/schedstat").read_text().split()
    told[act.__name__] = {"wall": wall, "cpu": cpu, "all_cpu": int(kernel[0]) / 1e9, "queue": int(kernel[1]) / 1e9}
    done.wait()


def main():
    options = truth.arguments(__doc__)
    told = {}
    truth.ready()
    time.sleep(0.6)  # the collector is there before the threads
    end = time.monotonic() + options.seconds
    threads = [threading.Thread(target=live, args=(act, end, told), name=act.__name__) for act in (free, bound, seldom)]
    for thread in threads:
        thread.start()
    time.sleep(options.seconds + 1.5)  # an interval more
    done.set()
    for thread in threads:
        thread.join()
    truth.tell(**told)


main()
