"""Two threads that share the GIL: one spends 20 and 80 % of its turns in two functions, the other sleeps in between.

Truth: none of its own; py-spy looks at the same process.
"""

import threading
import time

import truth


def short_work(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def long_work(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def other_work(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def other(end):
    while time.monotonic() < end:
        other_work(0.05)
        time.sleep(0.05)


def main():
    options = truth.arguments(__doc__)
    threading.Thread(target=other, args=(time.monotonic() + options.seconds,), daemon=True).start()
    truth.ready()
    for _ in truth.until(options.seconds):
        short_work(0.02)
        long_work(0.08)
    truth.tell()


main()
