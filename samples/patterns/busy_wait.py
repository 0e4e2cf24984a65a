#!/usr/bin/env python3
"""Fault: a worker waits for messages by asking again and again. With --fixed it sleeps until one comes."""

import argparse
import os
import queue
import threading
import time

MESSAGES_A_SECOND = 20


class MavLinkProxy:
    def __init__(self):
        self.inbox = queue.SimpleQueue()
        self.received = 0

    def autopilot(self, seconds):
        """Send telemetry, then None as the end."""
        for number in range(int(seconds * MESSAGES_A_SECOND)):
            time.sleep(1 / MESSAGES_A_SECOND)
            self.inbox.put({"type": "ATTITUDE", "number": number})
        self.inbox.put(None)

    def has_message(self):
        return not self.inbox.empty()

    def wait_for_message(self):
        while not self.has_message():  # the fault: a whole core, to find nothing
            pass
        return self.inbox.get()

    def receive(self, wait):
        while wait() is not None:
            self.received += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long to run (default: %(default)s)")
    parser.add_argument("--fixed", action="store_true", help="run without the fault")
    options = parser.parse_args()

    proxy = MavLinkProxy()
    wait = proxy.inbox.get if options.fixed else proxy.wait_for_message
    worker = threading.Thread(target=proxy.receive, args=[wait], name="MavLinkProxy-Recv")
    worker.start()
    print(f"ready pid={os.getpid()}", flush=True)
    proxy.autopilot(options.seconds)
    worker.join()
    print(f"{proxy.received} messages, {time.process_time():.2f} s of CPU")


if __name__ == "__main__":
    main()
