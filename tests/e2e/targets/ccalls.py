"""One thread whose leaf is always a call into C, some that hold the GIL and some that release it.

Truth, per function: the seconds, the Python function at the leaf, and the callee as its source has it.
"""

import hashlib
import json
import random
import re
import threading
import time
import zlib

import truth

LIST = [random.random() for _ in range(40_000)]
TREE = {str(i): [i, i / 7, {"name": "waypoint"}] for i in range(4_000)}
BLOCK = bytes(8 << 20)
TEXT = random.getrandbits(8 * 300_000).to_bytes(300_000, "little")
DIGEST = hashlib.sha256()
PATTERN = re.compile("(a+)+b")
LOCK = threading.Lock()


def call_sleep():
    time.sleep(0.01)


def call_sorted():
    sorted(LIST)


def call_update():
    DIGEST.update(BLOCK)


def call_match():
    PATTERN.match("a" * 17)


def call_compress():
    zlib.compress(TEXT)


def call_acquire():
    LOCK.acquire(timeout=0.01)


def call_dumps():
    json.dumps(TREE)


# function: (the callee, the Python function that calls it when it is another one)
CALLS = {call_sleep: ("time.sleep", None), call_sorted: ("sorted", None), call_update: ("DIGEST.update", None),
         call_match: ("PATTERN.match", None), call_compress: ("zlib.compress", None),
         call_acquire: ("LOCK.acquire", None), call_dumps: ("_iterencode", truth.shown(json.JSONEncoder.iterencode))}


def main():
    options = truth.arguments(__doc__)
    ledger = truth.Ledger()
    LOCK.acquire()
    truth.ready()
    for _ in truth.until(options.seconds):
        for function in random.sample(list(CALLS), len(CALLS)):
            ledger.run(function)
    truth.tell(calls=[{"function": function.__name__, "line": function.__code__.co_firstlineno + 1,
                       "leaf": leaf or function.__name__, "callee": callee,
                       "wall": ledger.wall[function.__name__], "cpu": ledger.cpu[function.__name__]}
                      for function, (callee, leaf) in CALLS.items()])


main()
