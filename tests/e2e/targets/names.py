"""Threads with all kinds of names; some sleep from start to end, some wake up all the time.

Truth: per native thread id the name (null: Python knows none), the name before it was changed half way
if it was (at renamed_at), and the function that the thread sleeps in.
"""

import _thread
import threading
import time

import truth

functions = {threading.get_native_id(): "main"}
NAMES = ["plain", "with two spaces", "Grüße", "スレッド", "🚁 rotor", "quote\"s and 'apostrophes'", "back\\slash",
         "semi;colon,comma", "line\nbreak\tand tab", "<b>&amp;</b>", "%s {0} $HOME", "long-" + "x" * 195]


def hold(seconds):
    time.sleep(seconds)


def nap(seconds):
    for _ in truth.until(seconds):
        time.sleep(0.02)


def start(name, function, seconds, **more):
    thread = threading.Thread(target=function, name=name, args=(seconds,), **more)
    thread.start()
    functions[thread.native_id] = function.__name__
    return thread


def main():
    seconds = truth.arguments(__doc__).seconds
    threads = [start(name, nap if i % 2 else hold, seconds) for i, name in enumerate(NAMES)]
    threads.append(start("daemon", hold, seconds, daemon=True))
    threads.append(start(None, hold, seconds))  # Thread-N (hold)
    early = start("before", hold, seconds)
    early.name = "renamed at once"
    late = start("renamed later: before", nap, seconds)

    names = {thread.native_id: thread.name for thread in [threading.main_thread(), *threads, early]}
    nameless = []
    _thread.start_new_thread(lambda: (nameless.append(threading.get_native_id()), hold(seconds + 1)), ())
    while not nameless:
        time.sleep(0.001)
    truth.ready()
    time.sleep(seconds / 2)
    renamed = {late.native_id: late.name}
    renamed_at = time.monotonic()
    late.name = "renamed later: after"
    names.update({late.native_id: late.name, nameless[0]: None})

    functions[nameless[0]] = "hold"
    for thread in [*threads, early, late]:
        thread.join()
    truth.tell(names=names, renamed=renamed, renamed_at=renamed_at, functions=functions)


main()
