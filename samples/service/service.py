#!/usr/bin/env python3
"""A small service with the threads and habits of the Petal App Manager, to try the profiler on."""

import argparse
import asyncio
import os
import signal
import sys

from autopilot import Autopilot
from bucket import S3BucketProxy
from mavlink_proxy import MavLinkProxy, udp_pair
from mission import MissionPetal
from mqtt_like import Broker, MqttProxy
from petals import Petals
from redis_like import RedisProxy, RedisServer
from web import WebServer


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=float, metavar="S",
                        help="stop after S seconds (default: on SIGTERM or Ctrl-C)")
    parser.add_argument("--port", type=int, default=9000, metavar="N",
                        help="HTTP port on 127.0.0.1 (default: %(default)s; 0: any free one)")
    return parser.parse_args()


class Service:
    def __init__(self):
        self._loop = asyncio.get_running_loop()
        near, far = udp_pair()
        servers = [RedisServer(), Broker(), Autopilot(far)]
        mavlink = MavLinkProxy(near, self._deliver("on_mavlink"))
        redis = RedisProxy(servers[0].address, "telemetry", self._deliver("on_redis"))
        mqtt = MqttProxy(servers[1].address, "command/edge", self._deliver("on_mqtt"))
        bucket = S3BucketProxy()
        self._parts = servers + [mavlink, redis, mqtt, bucket]
        self._petals = Petals(mavlink, redis, mqtt, bucket)
        self._mission = MissionPetal(mavlink.send)
        self._web = WebServer({
            "GET /health": lambda _: (200, {**self._petals.health(), "mission": self._mission.state}),
            "POST /petals/petal-leafsdk/mission/plan": self._mission.plan,
        })
        self._tasks = []

    def _deliver(self, handler):
        """Make a function that brings a message from any thread to the event loop."""
        def deliver(*message):
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(getattr(self._petals, handler), *message)
        return deliver

    async def start(self, port):
        port = await self._web.start(port)
        for part in self._parts:
            part.start()
        self._tasks = [asyncio.create_task(job) for job in self._petals.jobs()]
        return port

    async def stop(self):
        self._mission.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._web.stop()
        for part in reversed(self._parts):
            part.stop()


async def main(options):
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    service = Service()
    try:
        port = await service.start(options.port)
    except OSError as error:
        sys.exit(f"service.py: {error.strerror} (choose another with --port)")
    print(f"ready pid={os.getpid()} port={port}", flush=True)
    try:
        await asyncio.wait_for(stopping.wait(), options.duration)
    except TimeoutError:
        pass
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
