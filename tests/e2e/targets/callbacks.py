"""Python that C calls back, level upon level: keys, comparisons, iterators, substitutions, foreign functions.

Truth: the callers of each function, without the C in between.
"""

import ctypes
import functools
import random
import re

import truth

LEVELS = 6
CALLED = ("key", "fold", "match", "foreign", "Box_{k}.__lt__", "Box_{k}.__next__", "Box_{k}.size")  # and on to the next level
LEVEL = """
def key_{k}(_):
    return random() < 0.8 and down_{next}()

def fold_{k}(a, b):
    return random() < 0.8 and down_{next}()

def match_{k}(_):
    return str(random() < 0.8 and down_{next}())

def foreign_{k}(a, b):
    return random() < 0.8 and down_{next}()

class Box_{k}:
    def __lt__(self, other):
        return random() < 0.8 and down_{next}()

    def __iter__(self):
        return self

    def __next__(self):
        if random() < 0.6:
            raise StopIteration
        return down_{next}()

    @property
    def size(self):
        return random() < 0.8 and down_{next}()

compare_{k} = Compare(foreign_{k})

def down_{k}():
    which = random()
    if which < 0.15:
        sorted((1, 2), key=key_{k})
    elif which < 0.3:
        reduce(fold_{k}, (1, 2))
    elif which < 0.45:
        sub(match_{k}, "x")
    elif which < 0.6:
        qsort(numbers, 2, 4, compare_{k})
    elif which < 0.75:
        sorted((Box_{k}(), Box_{k}()))
    elif which < 0.9:
        list(Box_{k}())
    else:
        Box_{k}().size
    return 0
"""


def names():
    source = "".join(LEVEL.format(k=k, next=k + 1) for k in range(LEVELS)) + f"def down_{LEVELS}():\n    return 0\n"
    return truth.define(source, "callbacks_generated.py", random=random.random, reduce=functools.reduce,
                        sub=re.compile("x").sub, qsort=ctypes.CDLL(None).qsort, numbers=(ctypes.c_int * 2)(2, 1),
                        Compare=ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p))


def callers():
    found = {"main": ["<module>"], "down_0": ["main"]}
    for k in range(LEVELS):
        called = [name.format(k=k) if "{" in name else f"{name}_{k}" for name in CALLED]
        found.update({name: [f"down_{k}"] for name in [*called, f"Box_{k}.__iter__"]})
        found[f"down_{k + 1}"] = called
    return found


def main():
    options = truth.arguments(__doc__)
    down = names()["down_0"]
    truth.ready()
    for _ in truth.until(options.seconds):
        for _ in range(100):
            down()
    truth.tell(callers=callers(), library=["main"])


main()
