"""Plays the flight controller: sends telemetry by UDP and follows position targets."""

import math
import time

import mavlink
from worker import Worker

RATE = 100  # telemetry frames of each kind a second


class Autopilot(Worker):
    def __init__(self, link):
        super().__init__("Autopilot")
        self._link = link
        self._link.setblocking(False)
        self._sequence = 0
        self._ticks = 0
        self._position = [0.0, 0.0, 0.0]
        self._target = [0.0, 0.0, 0.0]
        self._next = time.monotonic()

    def step(self):
        self._receive()
        self._move()
        self._send_telemetry(int(time.monotonic() * 1000) & 0xFFFFFFFF)
        self._next = max(self._next + 1 / RATE, time.monotonic() - 1)
        self.pause(max(0.0, self._next - time.monotonic()))

    def _receive(self):
        while True:
            try:
                name, fields = mavlink.unpack(self._link.recv(512))
            except (BlockingIOError, ConnectionError):
                return
            if name == "SET_POSITION_TARGET_LOCAL_NED":
                self._target = list(fields[1:4])

    def _move(self):
        self._position = [at + 0.05 * (to - at) for at, to in zip(self._position, self._target)]

    def _send_telemetry(self, now):
        swing = 0.05 * math.sin(now / 700)
        self._send("ATTITUDE", (now, swing, -swing, 0.0, 0.0, 0.0, 0.0))
        self._send("LOCAL_POSITION_NED", (now, *self._position, 0.0, 0.0, 0.0))
        if self._ticks % 10 == 0:
            self._send("RC_CHANNELS", (now, *[1500] * 18, 18, 200))
        if self._ticks % RATE == 0:
            self._send("HEARTBEAT", (0, 2, 12, 81, 3, 3))
        self._ticks += 1

    def _send(self, name, fields):
        try:
            self._link.send(mavlink.pack(name, fields, self._sequence))
        except (BlockingIOError, ConnectionError):
            pass
        self._sequence += 1

    def stop(self):
        super().stop()
        self._link.close()
