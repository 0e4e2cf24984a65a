"""Threads that start and end, --per-second of them, each in one of eight kinds of function for half a millisecond.

Truth: how many were started, and the callers of each function. A thread is called by its kind, so that one
which got the stack of another shows.
"""

import threading
import time

import truth

KINDS = 8
KIND = """
def work_{k}(end):
    while clock() < end:
        step_{k}(end)

def step_{k}(end):
    leaf_{k}()
    leaf_{k}()

def leaf_{k}():
    a = b = c = 0
"""


def start_one(work, kind, number):
    threading.Thread(target=work, args=(time.monotonic() + 0.0005,), name=f"kind-{kind}-{number}", daemon=True).start()


def main():
    options = truth.arguments(__doc__, per_second=1000)
    source = "".join(KIND.format(k=k) for k in range(KINDS))
    defined = truth.define(source, "starts_generated.py", clock=time.monotonic)
    works = [defined[f"work_{k}"] for k in range(KINDS)]
    truth.ready()
    began, number = time.monotonic(), 0
    for _ in truth.until(options.seconds):
        if number < (time.monotonic() - began) * options.per_second:
            start_one(works[number % KINDS], number % KINDS, number)
            number += 1
        else:
            time.sleep(0.0005)
    callers = {"main": ["<module>"], "start_one": ["main"]}
    for k in range(KINDS):
        callers.update({f"work_{k}": ["Thread.run"], f"step_{k}": [f"work_{k}"], f"leaf_{k}": [f"step_{k}"]})
    truth.tell(started=number, callers=callers, library=["main", "start_one"])


main()
