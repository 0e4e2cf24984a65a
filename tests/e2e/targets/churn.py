"""Threads that come and go, --per-second of them, each at work for 50 to 200 ms.

Truth: how many were started, the pattern of their names, the seconds that they lived together.
"""

import random
import threading
import time

import truth

lives = []


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def churn_work(seconds):
    start = time.perf_counter()
    while time.perf_counter() < start + seconds:
        spin(0.0005)
        time.sleep(0.005)
    lives.append(time.perf_counter() - start)


def main():
    options = truth.arguments(__doc__, per_second=50)
    threads = []
    truth.ready()
    next_start = time.monotonic()
    for _ in truth.until(options.seconds):
        thread = threading.Thread(target=churn_work, args=(random.uniform(0.05, 0.2),), name=f"churn-{len(threads)}")
        thread.start()
        threads.append(thread)
        next_start += 1 / options.per_second
        time.sleep(max(0.0, next_start - time.monotonic()))
    for thread in threads:
        thread.join()
    truth.tell(started=len(threads), pattern="churn-[0-9]+", function="churn_work", alive_seconds=sum(lives))


main()
