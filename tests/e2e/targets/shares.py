"""One thread that spends 10, 20, 30 and 40 % of its time in four functions, in random order.

Truth: seconds per function, on the wall clock and on the CPU.
"""

import random
from time import perf_counter

import truth


def ten(end):
    while perf_counter() < end:
        pass


def twenty(end):
    while perf_counter() < end:
        pass


def thirty(end):
    while perf_counter() < end:
        pass


def forty(end):
    while perf_counter() < end:
        pass


def main():
    options = truth.arguments(__doc__)
    ledger = truth.Ledger()
    deck = [ten] + [twenty] * 2 + [thirty] * 3 + [forty] * 4
    truth.ready()
    for _ in truth.until(options.seconds):
        random.shuffle(deck)
        slot = random.uniform(0.001, 0.005)
        for function in deck:
            ledger.run(function, perf_counter() + slot)
    truth.tell(wall=ledger.wall, cpu=ledger.cpu)


main()
