"""Modules that are compiled, run for a few milliseconds and dropped, with functions and classes of their own.

Truth: the callers of each function. Each module runs functions of its own only, at addresses of modules before.
"""

import random
import time

import truth

MODULE = """
def m{n}_a(end):
    while clock() < end:
        m{n}_b()

def m{n}_b():
    return M{n}().c(0)

class M{n}:
    def c(self, x):
        return x + len([m{n}_d() for _ in range(3)])

def m{n}_d():
    return 1

m{n}_a(clock() + busy)
"""


def main():
    options = truth.arguments(__doc__)
    callers, number = {"main": ["<module>"], "<module>": ["", "define"], "define": ["main"]}, 0
    truth.ready()
    for _ in truth.until(options.seconds):
        source, busy = MODULE.format(n=number), random.choice((0.001, 0.004, 0.01))
        truth.define(source, f"module_{number}.py", clock=time.monotonic, busy=busy)
        a, b, c, d = f"m{number}_a", f"m{number}_b", f"M{number}.c", f"m{number}_d"
        callers.update({a: ["<module>"], b: [a], c: [b], f"{c}.<locals>.<listcomp>": [c], f"M{number}": ["<module>"],
                        d: [c, f"{c}.<locals>.<listcomp>"]})
        number += 1
    time.sleep(0.5)  # addresses that were reused are found out five times a second
    truth.tell(modules=number, callers=callers, library=["main", "define"], classes=list(map("M{}".format, range(number))))


main()
