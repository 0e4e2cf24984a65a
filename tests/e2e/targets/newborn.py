"""One child after another computes from its first instruction on, and never waits. Truth: [pid, CPU seconds] of each."""

import os
import time

import truth

CHILD_SECONDS = 0.3


def compute():
    end = time.process_time() + CHILD_SECONDS
    while time.process_time() < end:
        pass
    os._exit(0)


def main():
    options = truth.arguments(__doc__)
    truth.ready()
    children = []
    for _ in truth.until(options.seconds):
        pid = os.fork()
        if pid == 0:
            compute()
        _, _, usage = os.wait4(pid, 0)
        children.append([pid, usage.ru_utime + usage.ru_stime])
    truth.tell(children=children)


main()
