"""Two threads on one CPU that wake each other 50,000 times a second while the bench asks for it, with work between."""

import os
import sys
import threading
import time

import page

SWITCHES_PER_SECOND = 50_000
REST = 0.005  # seconds between two looks at whether to play


def spin(count):
    for _ in range(count):
        pass


def answer(request, reply):
    while True:
        os.read(request, 1)
        os.write(reply, b"x")


class Pair:
    def __init__(self):
        here, self.reply = os.pipe()
        self.request, there = os.pipe()
        self.there, self.here = there, here
        threading.Thread(target=answer, args=(self.request, self.reply), daemon=True).start()

    def bounce(self, work):
        spin(work)
        os.write(self.there, b"x")
        os.read(self.here, 1)


def seconds(function, *arguments, times=500):
    """Of CPU time, so that others on this CPU do not count; the least of a few, as caches begin cold."""
    took = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            function(*arguments)
        took.append((time.process_time() - start) / times)
    return min(took)


def work_between(pair):
    """Set once, so that what a tool adds to a switch shows as fewer of them; by steps, as threads meet differently."""
    loop, work = seconds(spin, 1000) / 1000, 0
    for _ in range(3):
        work = max(0, work + round((2 / SWITCHES_PER_SECOND - seconds(pair.bounce, work)) / loop))
    return work


def main():
    page.stand_back()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    counters, pair = page.counters(sys.argv[1]), Pair()
    work = work_between(pair)
    threading.Thread(target=page.ready, daemon=True).start()
    while True:
        until = counters[page.UNTIL]
        while time.monotonic_ns() < until:
            pair.bounce(work)
            counters[0] += 1
        time.sleep(REST)


main()
