"""Functions that are compiled, run for some milliseconds and dropped, so that the next ones get their addresses.

Truth: what ran from when until when, on the clock of a capture.
"""

import random
import time

import truth

SOURCE = """
def f_{number:06}(end, clock):
    while clock() < end:
        for _ in range(100):
            pass
"""


def main():
    options = truth.arguments(__doc__)
    ran, number = [], 0
    truth.ready()
    for _ in truth.until(options.seconds):
        number += 1
        name = f"f_{number:06}"
        function = truth.define(SOURCE.format(number=number), "<dropped>")[name]
        start = time.monotonic()
        function(start + random.choice((0.0005, 0.002, 0.01, 0.03)), time.monotonic)
        ran.append((name, start, time.monotonic()))
        del function
    truth.tell(ran=ran)


main()
