#!/usr/bin/env python3
"""Fault: a message is decoded and encoded again for each subscriber. With --fixed it is done once for all."""

import argparse
import json
import os
import threading
import time

MESSAGES_A_SECOND = 50
SUBSCRIBERS = 40
PLAN = {"id": "main", "nodes": [{"name": f"Waypoint {i}", "params": {"waypoints": [[0.5, i, 1.0]], "speed": [0.2]}}
                                for i in range(60)]}


class MqttProxy:
    def __init__(self):
        self.queues = [[] for _ in range(SUBSCRIBERS)]

    def forward(self, payload, queues):
        message = json.loads(payload)
        message["forwarded"] = True
        encoded = json.dumps(message)
        for queue in queues:
            queue[:] = [encoded]

    def send_message(self, payload):
        for queue in self.queues:
            self.forward(payload, [queue])  # the fault: the same work for each subscriber

    def send_message_once(self, payload):
        self.forward(payload, self.queues)

    def run(self, seconds, send):
        payload = json.dumps(PLAN)
        for _ in range(int(seconds * MESSAGES_A_SECOND)):
            send(payload)
            time.sleep(1 / MESSAGES_A_SECOND)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long to run (default: %(default)s)")
    parser.add_argument("--fixed", action="store_true", help="run without the fault")
    options = parser.parse_args()

    proxy = MqttProxy()
    send = proxy.send_message_once if options.fixed else proxy.send_message
    worker = threading.Thread(target=proxy.run, args=[options.seconds, send], name="MqttProxy_0")
    worker.start()
    print(f"ready pid={os.getpid()}", flush=True)
    worker.join()
    print(f"{time.process_time():.2f} s of CPU")


if __name__ == "__main__":
    main()
