"""Asyncio tasks that compute in turn, for known times, under awaits of several kinds.

Truth: by thread, CPU time by task: its name if it was given one, else the name of its coroutine. With --uvloop 1 the loop
is uvloop's, with --eager 1 tasks start in each other, with --loops 2 there are two, each in a thread of its own.
"""

import asyncio
import functools
import threading
import time

import truth

spent = {}


def spin(seconds):
    """Compute for so long; the task that is running has spent it."""
    task = asyncio.current_task()
    start = time.thread_time()
    while time.thread_time() < start + seconds:
        pass
    name = task.get_name()
    name = task.get_coro().__qualname__ if name.startswith("Task-") else name
    mine = spent.setdefault(threading.current_thread().name, {})
    mine[name] = mine.get(name, 0) + time.thread_time() - start


async def leaf(seconds):
    spin(seconds)
    await asyncio.sleep(0)
    spin(seconds)


async def middle(seconds):
    await leaf(seconds)


async def generate(count, seconds):
    for i in range(count):
        spin(seconds)
        await asyncio.sleep(0)
        yield i


async def from_generator(seconds):
    async for _ in generate(3, seconds):
        spin(seconds)


async def by_gather(seconds):
    await asyncio.gather(middle(seconds), asyncio.create_task(leaf(seconds), name="gathered"))


async def by_wait_for(seconds):
    await asyncio.wait_for(asyncio.create_task(middle(seconds), name="waited for"), 60)


async def short(seconds):
    spin(seconds)


def decorated(function):
    @functools.wraps(function)
    async def wrapper(*arguments):
        return await function(*arguments)

    return wrapper


@decorated
async def decorated_work(seconds):
    spin(seconds)


async def eager_inner(seconds):
    spin(seconds)
    await asyncio.sleep(0)
    spin(seconds)


async def eager_outer(seconds):
    """With the eager factory the inner one starts at once, on this one's stack."""
    task = asyncio.create_task(eager_inner(seconds), name="inner")
    spin(seconds)
    await task


async def once():
    """Every kind of task. The short ones live but once, so that their addresses are used again."""
    await asyncio.gather(
        asyncio.create_task(middle(0.002), name="named"),
        asyncio.create_task(middle(0.003), name="näme ☃"),
        asyncio.create_task(from_generator(0.002)),
        asyncio.create_task(by_gather(0.003), name="gatherer"),
        asyncio.create_task(by_wait_for(0.002)),
        asyncio.create_task(decorated_work(0.004)),
        asyncio.create_task(eager_outer(0.003), name="outer"),
    )
    for i in range(4):
        await asyncio.create_task(short(0.001 * (i + 1)), name=f"short {i}")
    spin(0.002)


async def main(options):
    asyncio.current_task().set_name("main")
    if options.eager:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    for _ in truth.until(options.seconds):
        await once()


def run(options):
    if options.uvloop:
        import uvloop

        uvloop.new_event_loop().run_until_complete(main(options))
    else:
        asyncio.run(main(options))


def start():
    options = truth.arguments(__doc__, uvloop=0, eager=0, loops=0)
    truth.ready()
    threads = [threading.Thread(target=run, args=[options], name=f"loop {i}") for i in range(options.loops)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not threads:
        run(options)
    truth.tell(tasks=spent)


start()
