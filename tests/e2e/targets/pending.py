"""Asyncio tasks that wait for all kinds of things, for known times.

Truth: by name of a task, the functions that await each other, outermost first; the type of what the innermost awaits; the
names of the tasks that it waits for, and of those in its TaskGroup for which it does not yet; the state; and for how many seconds at least it has been so.
"""

import asyncio
import contextlib
import sys
import threading
import time
import types

import truth

expected = {}


def told(name, chain, awaitable, *awaited, members=(), state="waits"):
    if sys.version_info < (3, 11):  # code has no qualified name
        chain = [function.rpartition(".")[2] for function in chain]
    expected[name] = {"chain": chain, "awaitable": awaitable, "awaited": sorted(awaited), "state": state,
                      "members": list(members)}
    return name


async def deep(depth, function):
    if depth:
        await deep(depth - 1, function)
    else:
        await function()


async def for_task(task):
    await task


async def gathers(names):
    await asyncio.gather(*(asyncio.create_task(asyncio.sleep(3600), name=name) for name in names))


async def generate(function):
    await function()
    yield 1


async def from_generator(function):
    async for _ in generate(function):
        pass


@contextlib.asynccontextmanager
async def managed(function):
    await function()
    yield


async def in_context(function):
    async with managed(function):
        pass


@contextlib.asynccontextmanager
async def leaves(function):
    """Waits in the end, which the last athrow() runs."""
    try:
        yield
    except ValueError:
        await function()


async def throws(function):
    async with leaves(function):
        raise ValueError


async def closes(function):
    async def generate():
        try:
            yield
        finally:
            await function()

    generator = generate()
    await generator.__anext__()
    await generator.aclose()


async def next_of(function):
    await anext(generate(function), None)  # noqa: F821, since 3.10


@types.coroutine
def old_style(function):
    yield from function()


def delegated(function):
    yield from old_style(function)


@types.coroutine
def by_generators(function):
    yield from delegated(function)


async def for_generators(function):
    await by_generators(function)


@types.coroutine
def bare():
    """Gives control back once, and is in no `yield from`."""
    yield


async def gives_up_control():
    while True:
        await bare()


class Awaitable:
    """Whose __await__ is a generator in Python."""

    def __init__(self, function):
        self.function = function

    def __await__(self):
        yield from self.function().__await__()


async def for_awaitable(function):
    await Awaitable(function)


async def in_group(name):
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(3600), name=name)


async def in_body(name):
    """Does not wait for the group's member yet."""
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(3600), name=name)
        await asyncio.sleep(3600)


async def in_anyio_group(group, name):
    async with group:
        group.start_soon(asyncio.sleep, 3600, name=name)


async def in_anyio_body(group, name):
    async with group:
        group.start_soon(asyncio.sleep, 3600, name=name)
        await asyncio.sleep(3600)


async def times_out(awaited):
    await asyncio.wait_for(awaited, 3600)


async def waits(tasks):
    await asyncio.wait(tasks)


async def shields(task):
    await asyncio.shield(task)


async def gathers_all(*futures):
    await asyncio.gather(*futures)


async def completes(tasks):
    for future in asyncio.as_completed(tasks):
        await future


async def forever(event):
    await event.wait()


async def ticks():
    """Goes on all the time: a walk sees it waiting, ready or running, or finds that it changed."""
    while True:
        await asyncio.sleep(0.001)


def leave_a_task(left):
    """The loop of a thread that ends keeps one that waits."""
    loop = asyncio.new_event_loop()
    left.append(loop.create_task(asyncio.sleep(3600), name=told("left behind", ["sleep"], "_asyncio.Future")))
    left[0]._log_destroy_pending = False
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


def start_groups_of_anyio():
    try:
        from anyio._backends._asyncio import TaskGroup
    except Exception:  # it is not for this Python, or that has no ssl
        return []
    names = "in anyio's group", "in a group of anyio"
    at_the_end = told("has a group of anyio", ["in_anyio_group", "TaskGroup.__aexit__"], "_asyncio.Future", names[0])
    before = told("in anyio's body", ["in_anyio_body", "sleep"], "_asyncio.Future", members=names[1:])
    return [asyncio.create_task(in_anyio_group(TaskGroup(), names[0]), name=at_the_end),
            asyncio.create_task(in_anyio_body(TaskGroup(), names[1]), name=before)]


def start(many):
    event, lock, queue = asyncio.Event(), asyncio.Lock(), asyncio.Queue()
    asyncio.get_running_loop().create_task(lock.acquire(), name="takes the lock")
    future = asyncio.get_running_loop().create_future()
    tasks = []

    def add(coroutine, name, chain, awaitable="_asyncio.Future", *awaited):
        tasks.append(asyncio.create_task(coroutine, name=told(name, chain, awaitable, *awaited)))
        return tasks[-1]

    add(asyncio.sleep(3600), "sleeps", ["sleep"])
    add(deep(3, event.wait), "waits for an event", ["deep"] * 4 + ["Event.wait"])
    add(deep(1, lock.acquire), "waits for a lock", ["deep"] * 2 + ["Lock.acquire"])
    add(deep(0, queue.get), "waits for a queue", ["deep", "Queue.get"])
    add(deep(20, event.wait), "is deep", ["deep"] * 21 + ["Event.wait"])
    inner = add(forever(event), "inner", ["forever", "Event.wait"])
    outer = add(for_task(inner), "waits for inner", ["for_task"], "_asyncio.Task", "inner")
    add(for_task(outer), "waits for outer", ["for_task"], "_asyncio.Task", "waits for inner")
    names = ["child 0", "child 1", "child 2"]
    for name in names:
        told(name, ["sleep"], "_asyncio.Future")
    add(gathers(names), "gathers", ["gathers"], "_GatheringFuture", *names)
    add(from_generator(event.wait), "in a generator", ["from_generator", "generate", "Event.wait"])
    add(in_context(event.wait), "in a context",
        ["in_context", "_AsyncGeneratorContextManager.__aenter__", "managed", "Event.wait"])
    add(for_task(future), "waits for a future", ["for_task"])
    add(for_awaitable(event.wait), "awaitable", ["for_awaitable", "Awaitable.__await__", "Event.wait"])
    add(throws(event.wait), "throws", ["throws", "_AsyncGeneratorContextManager.__aexit__", "leaves", "Event.wait"])
    add(closes(event.wait), "closes", ["closes", "closes.<locals>.generate", "Event.wait"])
    if sys.version_info >= (3, 10):
        add(next_of(event.wait), "anext", ["next_of", "generate", "Event.wait"])
    add(for_generators(event.wait), "by generators", ["for_generators", "by_generators", "delegated", "old_style", "Event.wait"])

    def sleeps(name):
        return add(asyncio.sleep(3600), name, ["sleep"])

    several = [sleeps(f"one of many {i}") for i in range(3)]
    names = [task.get_name() for task in several]
    add(waits(several), "waits for all", ["waits", "wait", "_wait"], "_asyncio.Future", *names)
    add(shields(sleeps("shielded")), "shields", ["shields"], "_asyncio.Future", "shielded")
    add(gathers_all(asyncio.shield(sleeps("shielded among others")), asyncio.gather(sleeps("gathered twice")), future),
        "gathers all", ["gathers_all"], "_GatheringFuture", "shielded among others", "gathered twice")
    tells = ["_asyncio.Future", "inner"] if sys.version_info < (3, 12) else ["_asyncio.Task", "inner"]
    add(times_out(inner), "times out on a task", ["times_out", "wait_for"], *tells)
    add(times_out(asyncio.shield(inner)), "times out on a shield", ["times_out", "wait_for"], "_asyncio.Future", "inner")
    if sys.version_info >= (3, 11):
        chain = ["in_group", "TaskGroup.__aexit__"] + ["TaskGroup._aexit"] * hasattr(asyncio.TaskGroup, "_aexit")
        add(in_group(told("in the group", ["sleep"], "_asyncio.Future")), "has a group", chain, "_asyncio.Future", "in the group")
        member = told("in a group", ["sleep"], "_asyncio.Future")
        tasks.append(asyncio.create_task(in_body(member), name="in the body"))
        told("in the body", ["in_body", "sleep"], "_asyncio.Future", members=[member])
    if sys.version_info < (3, 12):  # it makes a task of what it waits for
        add(times_out(event.wait()), "times out", ["times_out", "wait_for"], "_asyncio.Future", "Event.wait")
    else:
        add(times_out(event.wait()), "times out", ["times_out", "wait_for", "Event.wait"])
    if sys.version_info >= (3, 13):
        add(completes(several), "completes", ["completes", "_AsCompletedIterator._wait_for_one", "Queue.get"], "_asyncio.Future", *names)
    else:
        add(completes(several), "completes", ["completes", "as_completed.<locals>._wait_for_one", "Queue.get"])
    told("nameless", ["start.<locals>.nameless", "Event.wait"], "_asyncio.Future")

    async def nameless():
        await event.wait()

    nameless.__qualname__ = "nameless"
    tasks.append(asyncio.create_task(nameless()))
    for i in range(many):
        tasks.append(asyncio.create_task(deep(i % 5, event.wait), name=f"many {i}"))
    return tasks


async def main(options):
    tasks, left = start(options.many), []
    tasks += start_groups_of_anyio() if options.anyio else []
    thread = threading.Thread(target=leave_a_task, args=[left])
    thread.start()
    thread.join()
    told("main", ["main", "sleep"], "_asyncio.Future")
    asyncio.current_task().set_name("main")
    if options.ticking:
        tasks += [asyncio.create_task(ticks(), name=f"ticks {i}") for i in range(options.ticking)]
    await asyncio.sleep(0.1)
    truth.ready()
    began = time.monotonic()
    await asyncio.sleep(options.seconds)
    truth.tell(tasks=expected, pending=len(asyncio.all_tasks()) + len(left), seconds=time.monotonic() - began)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def run():
    options = truth.arguments(__doc__, many=0, ticking=0, uvloop=0, anyio=0)
    if options.uvloop:
        import uvloop

        uvloop.new_event_loop().run_until_complete(main(options))
    else:
        asyncio.run(main(options))


run()
