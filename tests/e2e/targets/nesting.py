"""Python that C calls, level upon level, down to a loop: what seams.py and phases.py do."""

DEPTH = 6  # of nested(): twice as many Python frames, with C between each two
turns = 400  # of the loop


def spin(number):
    for _ in range(turns):
        number += 1
    return number


def nested(depth):
    return max((depth,), key=again) if depth else spin(0)


def again(depth):
    return nested(depth - 1)
