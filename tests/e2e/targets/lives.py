"""Churns what a collector must remember: threads, code objects, names of functions, files and threads; --per-second each.

Truth: how many there were. Each code object is new to a collector, with code and a line table of 15 KB, and its
thread has a name that was never there before.
"""

import itertools
import threading
import time

import truth

BODY = "def worker(end, clock):\n    while clock() < end:\n" + "        a = b = c = 0\n" * 600


def main():
    options = truth.arguments(__doc__, per_second=800)
    code = truth.define(BODY, "lives.py")["worker"].__code__
    truth.ready()
    began, numbers = time.monotonic(), itertools.count()
    number = next(numbers)
    kept = []
    for _ in truth.until(options.seconds):
        if number >= (time.monotonic() - began) * options.per_second:
            time.sleep(0.001)
            continue
        name = f"life_{number:07}_{'x' * (number % 50)}"
        names = {"co_name": name, "co_qualname": f"Lives.{name}"} if truth.QUALIFIED else {"co_name": name}
        new = code.replace(co_filename=f"/somewhere/{name}.py", **names)
        function = type(main)(new, {})
        kept = [*kept[-200:], function]  # an address is not reused at once
        threading.Thread(target=function, args=(time.monotonic() + 0.001, time.monotonic), name=name).start()
        number = next(numbers)
    truth.tell(lives=number)


main()
