"""Calls a library of tests/e2e/native/below.c: the main thread computes in it, the thread "holder" waits.

The library is loaded half a second after the target is ready. With --turns the main thread goes from one
function to the other every few milliseconds, and does nothing else.
"""

import argparse
import ctypes
import json
import os
import threading
import time

TURN_SECONDS = 0.007  # no part of a tick

arguments = argparse.ArgumentParser()
arguments.add_argument("--seconds", type=float)
arguments.add_argument("--library")
arguments.add_argument("--turns", action="store_true")
arguments = arguments.parse_args()


def spins(library, seconds):
    library.spin_outer(ctypes.c_double(seconds))


def turns(library, seconds):
    library.turn_outer(ctypes.c_double(seconds))


def holds(library, seconds):
    library.hold_outer(ctypes.c_double(seconds))


print(json.dumps({"pid": os.getpid()}), flush=True)
time.sleep(0.5)
library = ctypes.CDLL(arguments.library)
holder = threading.Thread(target=holds, args=(library, arguments.seconds - 0.5), name="holder")
holder.start()
end = time.monotonic() + arguments.seconds - 0.5
while arguments.turns and time.monotonic() < end:
    spins(library, TURN_SECONDS)
    turns(library, TURN_SECONDS)
if not arguments.turns:
    spins(library, arguments.seconds - 0.5)
holder.join()
print(json.dumps({"truth": {}}), flush=True)
