"""Two threads that compute in Python and so share the GIL, one that computes in C without it, and one that sleeps.

Truth: of each thread its id in the kernel and the share of its life that it was on a CPU.
"""

import os
import threading
import time
import zlib

import truth

THREADS = {}


def compute_a(end):
    while time.monotonic() < end:
        pass


def compute_b(end):
    while time.monotonic() < end:
        pass


def compress(end):
    data = os.urandom(8 << 20)
    while time.monotonic() < end:
        zlib.compress(data, 9)


def sleep(end):
    while time.monotonic() < end:
        time.sleep(0.02)


def run(function, end):
    began = time.monotonic()
    THREADS[function.__name__] = (threading.get_native_id(), 0)
    function(end)
    # One that compresses goes on behind the end until it has done so.
    THREADS[function.__name__] = (threading.get_native_id(), time.thread_time() / (time.monotonic() - began))


def main():
    options = truth.arguments(__doc__)
    end = time.monotonic() + options.seconds
    threads = [threading.Thread(target=run, args=(function, end)) for function in (compute_a, compute_b, compress, sleep)]
    for thread in threads:
        thread.start()
    truth.ready()
    for thread in threads:
        thread.join()
    truth.tell(threads=THREADS)


main()
