"""Two threads that wake each other as often as they can for a third of the time, then sleep, beside 30 that always do.

Truth: tid and CPU seconds of the two from ready to the end, and how often they woke each other.
"""

import os
import threading
import time

import truth

SLEEPERS = 30


def stand_back():
    """Two such threads at normal priority can keep a CPU to themselves for minutes (Linux 6.18)."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def answer(request, reply, told):
    started = time.thread_time()
    while os.read(request, 1):
        os.write(reply, b"x")
    told["answer"] = {"tid": threading.get_native_id(), "cpu": time.thread_time() - started}


def ask(request, reply, seconds, told):
    started, bounces = time.thread_time(), 0
    for _ in truth.until(seconds):
        os.write(request, b"x")
        os.read(reply, 1)
        bounces += 1
    os.close(request)
    told["ask"] = {"tid": threading.get_native_id(), "cpu": time.thread_time() - started, "bounces": bounces}


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
