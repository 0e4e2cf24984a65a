"""Two threads that wake each other as often as they can for a third of the time, then sleep, beside 30 that always do.

Truth: tid of the two, readings of their clocks of CPU time every so often, and how often they woke each other.
"""

import os
import threading
import time

import truth

SLEEPERS = 30
BETWEEN_READINGS = 0.02  # seconds


def stand_back():
    """Two such threads at normal priority can keep a CPU to themselves for minutes (Linux 6.18)."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Clock:
    """What the thread that makes it has used, at the beginning, every so often, and at the end."""

    def __init__(self):
        self.readings, self.next = [], 0
        self.read(time.monotonic())

    def read(self, now):
        if now >= self.next:
            self.readings.append([now, time.thread_time()])
            self.next = now + BETWEEN_READINGS

    def end(self):
        self.next = 0
        self.read(time.monotonic())
        return {"tid": threading.get_native_id(), "readings": self.readings}


def answer(request, reply, told):
    clock = Clock()
    while os.read(request, 1):
        os.write(reply, b"x")
        clock.read(time.monotonic())
    told["answer"] = clock.end()


def ask(request, reply, seconds, told):
    clock, bounces = Clock(), 0
    for _ in truth.until(seconds):
        os.write(request, b"x")
        os.read(reply, 1)
        clock.read(time.monotonic())
        bounces += 1
    os.close(request)
    told["ask"] = {**clock.end(), "bounces": bounces}


def main():
    options = truth.arguments(__doc__)
    told, end = {}, threading.Event()
    requested, request = os.pipe()
    reply, replied = os.pipe()
    stand_back()
    players = [threading.Thread(target=answer, args=(requested, replied, told), name="answer"),
               threading.Thread(target=ask, args=(request, reply, options.seconds / 3, told), name="ask")]
    for _ in range(SLEEPERS):
        threading.Thread(target=end.wait).start()
    truth.ready()
    for player in players:
        player.start()
    for player in players:
        player.join()
    time.sleep(options.seconds * 2 / 3)
    end.set()
    truth.tell(**told)


main()
