"""A thread whose frames, thread state and code objects are garbage, or lead in a circle, for moments.

It computes in C for all the time and looks at none of them, so the process lives. With --circle 1
it is the list of threads that goes round in a circle, all the time. Truth: its tid, how often what was changed.
"""

import collections
import ctypes
import gc
import hashlib
import os
import random
import sys
import threading
import time

import truth

WORD = 8
FRAME_WORDS, STATE_WORDS, CODE_WORDS, STR_WORDS = 9, 40, 22, 5
DEPTH = 30
state_of = ctypes.pythonapi.PyThreadState_Get
state_of.restype = ctypes.c_void_p


def word(address):
    return ctypes.c_uint64.from_address(address)


def descend(depth, ready):
    if depth:
        descend(depth - 1, ready)
    else:
        ready.append(state_of())
        hashlib.pbkdf2_hmac("sha256", b"in C", b"without the GIL", 1 << 30)


def frames_of(ident):
    """Addresses of the thread's _PyInterpreterFrames, leaf first: PyFrameObject.f_frame, CPython 3.11-3.13."""
    frame, addresses, codes = sys._current_frames()[ident], [], []
    while frame:
        addresses.append(word(id(frame) + 3 * WORD).value)
        codes.append(frame.f_code)
        frame = frame.f_back
    return addresses, codes


class Garbage:
    def __init__(self, state, frames, codes):
        self.random = random.Random(7)
        self.frames = frames
        self.places = {
            "frame": [frame + WORD * i for frame in frames for i in range(FRAME_WORDS)],
            "state": [state + WORD * i for i in range(STATE_WORDS)],
            "code": [id(code) + WORD * i for code in {*codes} for i in range(2, CODE_WORDS)],
            "name": [id(code.co_name) + WORD * i for code in {*codes} for i in range(2, STR_WORDS)],
        }
        self.pointers = [*frames, state, *(id(code) for code in codes)]
        self.previous = next(
            i for i in range(FRAME_WORDS) if word(frames[0] + WORD * i).value == frames[1]
        )
        self.counts = collections.Counter()

    def value(self, address):
        old = word(address).value
        return self.random.choice([
            self.random.choice(self.pointers),
            self.random.choice(self.pointers) + self.random.randrange(-64, 64),
            self.random.getrandbits(64),
            old ^ 1 << self.random.randrange(64),
            1 << self.random.randrange(64),
            0,
        ])

    def changes(self):
        """A dict of new values by address, and what it is called."""
        if self.random.random() < 0.2:
            which = self.random.randrange(len(self.frames) - 1)
            return {self.frames[which] + WORD * self.previous: self.frames[self.random.randrange(which + 1)]}, "circle"
        kind = self.random.choice([*self.places])
        places = self.random.sample(self.places[kind], self.random.choice([1, 1, 2, 8]) if kind != "name" else 1)
        return {address: self.value(address) for address in places}, kind

    def put(self, seconds):
        changes, kind = self.changes()
        cells = [(word(address), word(address).value, value) for address, value in changes.items()]
        for cell, _, value in cells:
            cell.value = value
        time.sleep(seconds)
        for cell, old, _ in cells:
            cell.value = old
        self.counts[kind] += 1


def close_circle(own, other):
    """The newest is first in the list: its `next` is where our address stands in it."""
    at = next(i for i in range(4) if word(other + WORD * i).value == own)
    word(own + WORD * at).value = other


def main():
    arguments = truth.arguments(__doc__, circle=0)
    gc.disable()
    ready = []
    victim = threading.Thread(target=descend, args=(DEPTH, ready), daemon=True)
    victim.start()
    while not ready:
        time.sleep(0.01)
    time.sleep(0.1)
    garbage = Garbage(ready[0], *frames_of(victim.ident))
    if arguments.circle:
        close_circle(state_of(), ready[0])
    truth.ready()
    for _ in truth.until(arguments.seconds):
        if not arguments.circle:
            garbage.put(garbage.random.choice([0.001, 0.02, 0.05]))
        time.sleep(0.02)
    truth.tell(tid=victim.native_id, changed=garbage.counts)
    os._exit(0)  # which touches nothing of all that


main()
