"""One thread that calls recurse() --depth times deep and sleeps in hold() at the bottom.

Truth: while hold() is on the stack there are exactly that many frames of recurse() above it.
"""

import sys
import time

import truth


def hold():
    time.sleep(0.02)


def recurse(frames):
    if frames > 1:
        recurse(frames - 1)
    else:
        hold()


def main():
    options = truth.arguments(__doc__, depth=20)
    sys.setrecursionlimit(options.depth + 100)
    truth.ready()
    for _ in truth.until(options.seconds):
        recurse(options.depth)
    truth.tell(leaf="hold", function="recurse", frames=options.depth)


main()
