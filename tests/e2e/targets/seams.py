"""Python that C calls, and C that Python calls, as deep as it is told."""

import argparse
import ctypes
import json
import os
import random
import threading
import time
import zlib

from nesting import DEPTH, nested, spin

ARRAY = (ctypes.c_int * 24)(*range(24))
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
LIBC = ctypes.CDLL("libc.so.6")
DATA = bytes(range(256)) * 2000


def key(number):
    return spin(number)


def through_sorted():
    sorted(range(60), key=key)


def compare(left, right):
    spin(0)
    return left[0] - right[0]


CALLBACK = COMPARE(compare)


def through_qsort():
    LIBC.qsort(ARRAY, len(ARRAY), ctypes.sizeof(ctypes.c_int), CALLBACK)


def direct(depth):
    return direct(depth - 1) if depth else zlib.compress(DATA, 6)


def wait(lock):
    lock.acquire()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    seconds = parser.parse_args().seconds
    lock = threading.Lock()
    lock.acquire()
    waiting = threading.Thread(target=wait, args=(lock,), name="waiting")
    waiting.start()
    print(json.dumps({"pid": os.getpid(), "waiting": waiting.native_id}), flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        through_sorted()
        through_qsort()
        for _ in range(random.randrange(100)):  # so that no rate of sampling is in step with it
            nested(DEPTH)
        direct(3)
    lock.release()
    waiting.join()
    print(json.dumps({"truth": {"depth": DEPTH}}), flush=True)


main()
