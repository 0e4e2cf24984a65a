"""A thousand asyncio tasks that wait, three coroutines deep, for events, queues and each other; one of them ticks."""

import asyncio
import threading

import page

TASKS = 1000


async def inner(wait):
    await wait()


async def middle(wait):
    await inner(wait)


async def gathers(tasks):
    await asyncio.gather(*tasks)


async def main():
    waits = (asyncio.Event().wait, asyncio.Queue().get)
    tasks = [asyncio.create_task(middle(waits[number % len(waits)])) for number in range(TASKS * 9 // 10)]
    tasks += [asyncio.create_task(gathers(tasks[number::TASKS // 10])) for number in range(TASKS // 10)]
    threading.Thread(target=page.ready, daemon=True).start()
    while True:
        await asyncio.sleep(0.01)


asyncio.run(main())
