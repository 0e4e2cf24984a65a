#!/usr/bin/env python3
"""Fault: a coroutine waits for a slow server and stops its event loop. With --fixed a thread does the waiting."""

import argparse
import asyncio
import http.server
import os
import threading
import time
import urllib.request


class Cloud(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.4)
        self.send_response_only(204)
        self.end_headers()


def fetch_plan(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


async def sync_plans(url, fixed):
    while True:
        if fixed:
            await asyncio.to_thread(fetch_plan, url)
        else:
            fetch_plan(url)  # the fault: until the answer is there nothing else runs in the loop
        await asyncio.sleep(0.6)


async def publish_health(seconds, period=0.1):
    """Return by how much a publication was late at most."""
    worst, end = 0, time.monotonic() + seconds
    while (start := time.monotonic()) < end:
        await asyncio.sleep(period)
        worst = max(worst, time.monotonic() - start - period)
    return worst


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long to run (default: %(default)s)")
    parser.add_argument("--fixed", action="store_true", help="run without the fault")
    options = parser.parse_args()

    server = http.server.HTTPServer(("127.0.0.1", 0), Cloud)
    threading.Thread(target=server.serve_forever, daemon=True, name="cloud").start()
    print(f"ready pid={os.getpid()}", flush=True)
    task = asyncio.create_task(sync_plans(f"http://127.0.0.1:{server.server_port}/plans", options.fixed))
    print(f"health was late by at most {await publish_health(options.seconds) * 1000:.0f} ms")
    task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
