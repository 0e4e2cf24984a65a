"""Threads that are never idle and hand the GIL to each other every 20 microseconds, each in functions of its own.

Truth: the callers of each function. A thread is called by its kind, as in starts.py.
"""

import random
import sys
import threading
import time

import truth

KINDS = 4
DEPTH = 7
NODE = """
def walk_{k}_{at}():
    if random() < 0.7:
        walk_{k}_{next}()
    if random() < 0.3:
        walk_{k}_{next}()
"""


def source():
    return "".join(NODE.format(k=k, at=at, next=at + 1) for k in range(KINDS) for at in range(DEPTH)) + "".join(
        f"def walk_{k}_{DEPTH}():\n    pass\n\ndef work_{k}(end):\n    while clock() < end:\n        walk_{k}_0()\n"
        for k in range(KINDS))


def main():
    options = truth.arguments(__doc__)
    sys.setswitchinterval(20e-6)
    defined = truth.define(source(), "handover_generated.py", random=random.random, clock=time.monotonic)
    truth.ready()
    end = time.monotonic() + options.seconds
    threads = [threading.Thread(target=defined[f"work_{k}"], args=(end,), name=f"kind-{k}-0") for k in range(KINDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    callers = {"main": ["<module>"]}
    for k in range(KINDS):
        callers.update({f"work_{k}": ["Thread.run"], f"walk_{k}_0": [f"work_{k}"]})
        callers.update({f"walk_{k}_{at + 1}": [f"walk_{k}_{at}"] for at in range(DEPTH)})
    truth.tell(callers=callers, library=["main"])


main()
