"""Threads that work in their own code ("own"), in the kernel ("kernel"), and half and half ("both"), then sleep.

Truth: tid, CPU seconds of each thread from ready to the end, and how many of them in the kernel.
"""

import random
import resource
import threading
import time

import truth


def own(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(2000):
            pass


def kernel(seconds):
    buffer = bytearray(1 << 18)
    end = time.thread_time() + seconds
    with open("/dev/zero", "rb", buffering=0) as zero:
        while time.thread_time() < end:
            zero.readinto(buffer)


def both(seconds):
    own(seconds / 2)
    kernel(seconds / 2)


def work(function, seconds, told):
    for _ in truth.until(seconds):
        function(random.uniform(0.002, 0.006))
        time.sleep(random.uniform(0.01, 0.02))
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    told[function.__name__] = {"tid": threading.get_native_id(), "cpu": time.thread_time(), "kernel": usage.ru_stime}


def main():
    options = truth.arguments(__doc__)
    told = {}
    threads = [threading.Thread(target=work, args=(function, options.seconds, told), name=function.__name__)
               for function in (own, kernel, both)]
    truth.ready()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth.tell(**told)


main()
