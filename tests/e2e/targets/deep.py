"""A stack of --depth different functions, busy in the last one.

Truth: the chain of their names from the root, and the line where each calls the next. A few samples fall on
the way down and show a beginning of it.
"""

import sys

import truth

FILE = "deep_generated.py"


def source(depth):
    """f000 calls f001 and so on; the last one is busy for 10 ms or so."""
    parts = ["from random import uniform\nfrom time import perf_counter\n"]
    for i in range(depth - 1):
        parts.append(f"def f{i:03}():\n    f{i + 1:03}()\n")
    parts.append(f"def f{depth - 1:03}():\n"
                 "    end = perf_counter() + uniform(0.005, 0.015)\n"
                 "    while perf_counter() < end:\n"
                 "        pass\n")
    return "".join(parts)


def main():
    options = truth.arguments(__doc__, depth=300)
    sys.setrecursionlimit(options.depth + 100)
    first = truth.define(source(options.depth), FILE)["f000"]
    truth.ready()
    for _ in truth.until(options.seconds):
        first()
    chain = [f"f{i:03}" for i in range(options.depth)]
    truth.tell(chain=chain, file=FILE, library=["main", chain[-1]],
               callers={"main": ["<module>"], **{name: [caller] for caller, name in zip(["main", *chain], chain)}},
               lines=[2 * i + 4 for i in range(options.depth - 1)])


main()
