"""One thread that works 30 % and sleeps 70 % of its time, each in two functions, in random order.

Truth: seconds per function, on the wall clock and on the CPU.
"""

import random
import time

import truth


def work_short(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def work_long(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def sleep_short(seconds):
    time.sleep(seconds)


def sleep_long(seconds):
    time.sleep(seconds)


def main():
    options = truth.arguments(__doc__)
    ledger = truth.Ledger()
    deck = [(work_short, 1), (work_long, 2), (sleep_short, 2), (sleep_long, 5)]
    truth.ready()
    for _ in truth.until(options.seconds):
        random.shuffle(deck)
        unit = random.uniform(0.002, 0.006)
        for function, share in deck:
            ledger.run(function, share * unit)
    truth.tell(wall=ledger.wall, cpu=ledger.cpu)


main()
