"""Chains of awaits and of yield from, five deep, that work at the leaf and suspend in between.

Truth: the chains, of one of which a sampled stack holds the beginning (work() may call asyncio), and the waiting tasks.
A call that makes a coroutine has a frame of it, too, until the coroutine is there: that stack is a chain of its own.
"""

import asyncio
import time

import truth


def spin():
    end = time.perf_counter() + 0.002
    while time.perf_counter() < end:
        pass


async def await_1(leaf):
    await await_2(leaf)


async def await_2(leaf):
    await await_3(leaf)


async def await_3(leaf):
    await await_4(leaf)


async def await_4(leaf):
    await await_5(leaf)


async def await_5(leaf):
    await leaf()


def yield_1():
    yield from yield_2()


def yield_2():
    yield from yield_3()


def yield_3():
    yield from yield_4()


def yield_4():
    yield from yield_5()


def yield_5():
    for _ in range(5):
        spin()
        yield


async def work():
    for _ in range(5):
        spin()
        await asyncio.sleep(0.002)


async def main():
    options = truth.arguments(__doc__)
    pending = [asyncio.create_task(await_1(asyncio.Event().wait), name=f"pending-{i}") for i in range(3)]
    truth.ready()
    for _ in truth.until(options.seconds):
        for _ in yield_1():
            pass
        await asyncio.create_task(await_1(work), name="worker")
    awaits, yields = [f"await_{i}" for i in range(1, 6)], [f"yield_{i}" for i in range(1, 6)]
    truth.tell(chains=[["main", *yields, "spin"], [*awaits, "work", "spin"]], makes=["main", "await_1"],
               pending={task.get_name(): [*awaits, "Event.wait"] for task in pending})


asyncio.run(main())
