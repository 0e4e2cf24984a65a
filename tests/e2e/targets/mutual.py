"""Functions that call each other in circles, so that what was the frame of one is the next moment that of another.

Truth: the callers of each function. Each calls two of the sixteen and is called by two; more frames of each are in the
stack at once than CPython before 3.11 keeps for it, so that frames which are objects go from hand to hand.
"""

import random

import truth

FUNCTIONS = 16
DEPTH = 12
FUNCTION = """
def call_{k}(depth):
    if depth and random() < 0.6:
        call_{one}(depth - 1)
    if depth and random() < 0.5:
        call_{other}(depth - 1)
"""


def called(k):
    return (k + 1) % FUNCTIONS, (3 * k + 4) % FUNCTIONS


def main():
    options = truth.arguments(__doc__)
    source = "".join(FUNCTION.format(k=k, one=called(k)[0], other=called(k)[1]) for k in range(FUNCTIONS))
    defined = truth.define(source, "mutual_generated.py", random=random.random)
    calls = [defined[f"call_{k}"] for k in range(FUNCTIONS)]
    truth.ready()
    for _ in truth.until(options.seconds):
        for call in random.sample(calls, FUNCTIONS):
            call(DEPTH)
    callers = {f"call_{k}": ["main"] for k in range(FUNCTIONS)}
    for k in range(FUNCTIONS):
        for other in called(k):
            callers[f"call_{other}"].append(f"call_{k}")
    truth.tell(callers={"main": ["<module>"], **callers}, library=["main"])


main()
