#!/usr/bin/env python3
"""Fault: a worker reads the parameters 150 times a second; they change twice. With --fixed it is told of changes."""

import argparse
import json
import os
import threading
import time

CHANGES_A_SECOND = 2


class RedisProxy:
    def __init__(self):
        self.changed = threading.Condition()
        self.reads = 0
        self.set_status(landed=False)

    def set_status(self, landed):
        with self.changed:
            self.text = json.dumps({"landed": landed, **{f"PARAMETER_{i}": [i / 1000, "float"] for i in range(2000)}})
            self.changed.notify_all()

    def fly(self, seconds):
        for _ in range(int(seconds * CHANGES_A_SECOND)):
            time.sleep(1 / CHANGES_A_SECOND)
            self.set_status(landed=False)
        self.set_status(landed=True)

    def poll_status(self):
        self.reads += 1
        return json.loads(self.text)

    def poll(self):
        while not self.poll_status()["landed"]:
            time.sleep(0.005)  # the fault: every 5 ms, for a change every 500 ms

    def wait_for_changes(self):
        with self.changed:
            while not self.poll_status()["landed"]:
                self.changed.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long to run (default: %(default)s)")
    parser.add_argument("--fixed", action="store_true", help="run without the fault")
    options = parser.parse_args()

    proxy = RedisProxy()
    threading.Thread(target=proxy.wait_for_changes if options.fixed else proxy.poll, name="RedisProxy_0",
                     daemon=True).start()
    print(f"ready pid={os.getpid()}", flush=True)
    proxy.fly(options.seconds)
    print(f"{proxy.reads} reads, {time.process_time():.2f} s of CPU")


if __name__ == "__main__":
    main()
