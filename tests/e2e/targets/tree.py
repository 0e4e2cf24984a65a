"""A random walk of very short calls over a tree of 2047 functions, so that the stack changes all the time.

Truth: the callers of each function. Frames of many sizes lie in the same memory one after the other, so a
stack that was read wrongly shows as a function under one that never calls it.
"""

import time

import truth

DEPTH = 10


def nodes(name="t"):
    """Yield the names in the tree: t has the children t0 and t1, and so on."""
    yield name
    if len(name) <= DEPTH:
        yield from nodes(name + "0")
        yield from nodes(name + "1")


def source():
    parts = []
    for number, name in enumerate(nodes()):
        parts.append(f"def {name}():\n    " + "".join(f"a{i} = " for i in range(1 + number % 13)) + "0\n")
        if len(name) <= DEPTH:
            parts += [f"    if random() < 0.7:\n        {name}{branch}()\n" for branch in "01"]
    return "from random import random\n" + "".join(parts)


def walk(root, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        root()


def main():
    options = truth.arguments(__doc__)
    root = truth.define(source(), "tree_generated.py")["t"]
    truth.ready()
    walk(root, options.seconds)
    truth.tell(callers={"main": ["<module>"], "walk": ["main"], "t": ["walk"],
                        **{name: [name[:-1]] for name in nodes() if name != "t"}}, library=["main"])


main()
