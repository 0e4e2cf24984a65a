"""A little of all that is read of a Python: a task that computes below C code, one that waits, and a rival for the GIL.

Truth: the native thread id of the main thread; the functions that await each other in the task "waits".
"""

import asyncio
import threading

import truth


def key(number):
    for _ in range(400):
        number += 1
    return number


async def computes(seconds):
    for _ in truth.until(seconds):
        sorted(range(60), key=key)
        await asyncio.sleep(0)


async def inner():
    await asyncio.Event().wait()


async def waits():
    await inner()


async def main(seconds):
    asyncio.create_task(waits(), name="waits")
    await asyncio.create_task(computes(seconds), name="computes")


def rival(seconds):
    for _ in truth.until(seconds):
        pass


def start():
    seconds = truth.arguments(__doc__).seconds
    thread = threading.Thread(target=rival, args=[seconds])
    thread.start()
    truth.ready()
    asyncio.run(main(seconds))
    thread.join()
    truth.tell(main=threading.main_thread().native_id, chain=[truth.shown(function) for function in (waits, inner, asyncio.Event.wait)])


start()
