"""The periodic work on the event loop: publish health, publish telemetry, upload logs, read files."""

import asyncio
import json
import time


async def every(seconds, job):
    """Run the job again and again on absolute deadlines."""
    loop = asyncio.get_running_loop()
    deadline = loop.time()
    while True:
        await job()
        deadline = max(deadline + seconds, loop.time())
        await asyncio.sleep(deadline - loop.time())


class Petals:
    def __init__(self, mavlink, redis, mqtt, bucket):
        self._mavlink, self._redis, self._mqtt, self._bucket = mavlink, redis, mqtt, bucket
        self._started = time.monotonic()
        self._vehicle = {}
        self._counts = {"mavlink": 0, "redis": 0, "mqtt": 0}
        self._log = []

    def jobs(self):
        return [every(1.0, self.publish_health), every(0.05, self.publish_telemetry),
                every(2.0, self.upload_log), every(5.0, self.read_parameters)]

    def on_mavlink(self, name, fields):
        self._counts["mavlink"] += 1
        self._vehicle[name] = fields

    def on_redis(self, _, payload):
        self._counts["redis"] += 1
        self._log.append(payload)

    def on_mqtt(self, _, payload):
        self._counts["mqtt"] += 1
        self.handle_command(json.loads(payload))

    def handle_command(self, command):
        """What a petal does with a message: look into it, change it, keep it."""
        pose = command["payload"].get("LOCAL_POSITION_NED")
        if pose:
            command["payload"]["distance"] = sum(value * value for value in pose[1:4]) ** 0.5
        self._vehicle["last_command"] = command["messageId"]

    def health(self):
        return {"status": "healthy", "uptime": round(time.monotonic() - self._started, 3), "messages": self._counts,
                "telemetry": sorted(self._vehicle)}

    async def publish_health(self):
        self._mavlink.send("HEARTBEAT", 0, 6, 8, 0, 4, 3)
        message = json.dumps(self.health())
        await self._redis.set("health", message)
        await self._redis.publish("health", message)

    async def publish_telemetry(self):
        payload = {name: value for name, value in self._vehicle.items() if name != "last_command"}
        message = json.dumps({"messageId": self._counts["mavlink"], "command": "telemetry",
                              "payload": payload}).encode()
        await self._redis.publish("telemetry", message)
        await self._mqtt.publish("command/edge", message)

    async def upload_log(self):
        log, self._log = b"\n".join(self._log), []
        await self._bucket.upload(log)

    async def read_parameters(self):
        await self._mavlink.read_file(bytes(range(256)) * 256)
