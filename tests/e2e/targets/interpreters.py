"""Threads in several interpreters: the main thread runs a function in another one, which has a thread of its own.

Truth: the native thread ids of the main thread, of the one outside, and of the one inside; the line from which the
other interpreter is entered.
"""

import os
import threading

import truth

try:
    import _interpreters as interpreters  # since 3.13
except ImportError:
    import _xxsubinterpreters as interpreters

SCRIPT = """
import os, threading, time

def inner_work(until):
    while time.monotonic() < until:
        sum(range(1000))

def of_its_own(until, told):
    told.append(threading.get_native_id())
    while time.monotonic() < until:
        time.sleep(0.005)

def entered():
    until = time.monotonic() + {seconds}
    told = []
    thread = threading.Thread(target=of_its_own, args=(until, told), name="inside")
    thread.start()
    os.write(1, b'{{"ready": true, "pid": %d}}\\n' % os.getpid())  # what it took to get here is not looked at
    inner_work(until)
    thread.join()
    os.write({pipe}, b"%d" % told[0])

entered()
"""


def create():
    """One that may start threads: before 3.12, none that is isolated."""
    try:
        return interpreters.create(isolated=False)
    except TypeError:
        return interpreters.create()


def enter(interpreter, script):
    interpreters.run_string(interpreter, script)


def main():
    seconds = truth.arguments(__doc__).seconds
    outside = threading.Thread(target=threading.Event().wait, name="outside", args=(seconds + 1,), daemon=True)
    outside.start()
    empty, interpreter = create(), create()
    read_end, write_end = os.pipe()
    enter(interpreter, SCRIPT.format(seconds=seconds, pipe=write_end))
    inside = int(os.read(read_end, 20))
    for created in (empty, interpreter):
        interpreters.destroy(created)
    truth.tell(main=threading.get_native_id(), inside=inside, outside=outside.native_id,
               line=enter.__code__.co_firstlineno + 1)


main()
