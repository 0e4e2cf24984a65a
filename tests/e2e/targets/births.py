"""One child after another, a hundred a second: some end at once, some after a tick or two, some become another program.

It has none for a while after each --rests'th part of the time. Truth: their pids in order, and the CPU seconds of all by the kernel.
"""

import os
import resource
import time

import truth


def reap(options):
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        pass


def bear(children, seconds, rate):
    begin, before = time.monotonic(), len(children)
    for _ in truth.until(seconds):
        number = len(children)
        pid = os.fork()
        if pid == 0:
            if number % 10 == 9:
                os.execvp("true", ["true"])
            if number % 2:
                time.sleep(0.02)
            os._exit(number % 100)
        children.append(pid)
        time.sleep(max(0.0, begin + (number - before + 1) / rate - time.monotonic()))
        if number % 50 == 49:  # not at once, so that each is a zombie for a while
            reap(os.WNOHANG)
    reap(0)


def main():
    options = truth.arguments(__doc__, rate=100, rests=3, rest_ms=0)
    truth.ready()
    children = []
    for _ in range(options.rests):
        bear(children, options.seconds / options.rests, options.rate)
        time.sleep(options.rest_ms / 1000)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    truth.tell(children=children, cpu=usage.ru_utime + usage.ru_stime)


main()
