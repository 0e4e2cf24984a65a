"""A storm of generators and coroutines: made, resumed some times and dropped, in chains of changing depth.

Truth: the callers of each function. Link k of a chain works in leaf_k or pulse_k only, so that links which
were mixed up show.
"""

import random
import time
import types

import truth

DEPTH = 8
LINK = """
def leaf_{k}():
    return 0

def pulse_{k}():
    return 0

def link_{k}(depth):
    for _ in range(3):
        leaf_{k}()
        if depth > {k}:
            yield from link_{next}(depth)
        yield

async def await_{k}(depth):
    pulse_{k}()
    if depth > {k}:
        await await_{next}(depth)
    else:
        await pause()
    pulse_{k}()
"""


@types.coroutine
def pause():
    yield


def names():
    source = "".join(LINK.format(k=k, next=k + 1) for k in range(DEPTH))
    return truth.define(source + f"def link_{DEPTH}(depth):\n    yield\n\nasync def await_{DEPTH}(depth):\n"
                        "    await pause()\n", "storm_generated.py", pause=pause)


def resume(chain, times):
    for _ in range(times):
        if next(chain, chain) is chain:
            break


def drive(chain, times):
    try:
        for _ in range(times):
            chain.send(None)
    except StopIteration:
        pass


def storm(defined, seconds):
    link, await_0 = defined["link_0"], defined["await_0"]
    end = time.monotonic() + seconds
    suspended = [link(DEPTH) for _ in range(20)]
    while time.monotonic() < end:
        at = random.randrange(20)
        resume(suspended[at], random.randrange(1, 30))
        suspended[at] = link(random.randrange(1, DEPTH + 1))
        chain = await_0(random.randrange(1, DEPTH + 1))
        drive(chain, random.randrange(1, 4))
        chain.close()


def main():
    options = truth.arguments(__doc__)
    defined = names()
    truth.ready()
    storm(defined, options.seconds)
    # A chain that is dropped while it is suspended is closed from its inner end, by calls of who drops it.
    closes = ["storm", "main"]
    callers = {"main": ["<module>"], "storm": ["main"], "resume": ["storm"], "drive": ["storm"],
               "link_0": ["resume", *closes], "await_0": ["drive", *closes],
               "pause": [f"await_{k}" for k in range(DEPTH + 1)] + closes}
    for k in range(DEPTH):
        callers.update({f"leaf_{k}": [f"link_{k}"], f"pulse_{k}": [f"await_{k}"],
                        f"link_{k + 1}": [f"link_{k}", *closes], f"await_{k + 1}": [f"await_{k}", *closes]})
    truth.tell(callers=callers, library=["main", "storm"])


main()
