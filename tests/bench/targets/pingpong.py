"""Two threads on one CPU that wake each other in turn, with as much work between as makes 50,000 switches a second."""

import os
import sys
import threading
import time

import page

SWITCHES_PER_SECOND = 50_000


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

    def bounce(self):
        os.write(self.there, b"x")
        os.read(self.here, 1)


def seconds(function, *arguments, times=2000):
    start = time.perf_counter()
    for _ in range(times):
        function(*arguments)
    return (time.perf_counter() - start) / times


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    counters, pair = page.counters(sys.argv[1]), Pair()
    # The work between two bounces is set once, so that what a tool adds to a switch shows as fewer of them.
    spare = 2 / SWITCHES_PER_SECOND - min(seconds(pair.bounce) for _ in range(5))
    count = max(0, round(spare / min(seconds(spin, 1000, times=100) for _ in range(5)) * 1000))
    threading.Thread(target=page.ready, daemon=True).start()
    while True:
        spin(count)
        pair.bounce()
        counters[0] += 1


main()
