"""live_offsets.py - offsets that no header of CPython tells, found in a live object of this interpreter.

The structs of Modules/_asynciomodule.c are its own. Where a task keeps its coroutine, name, loop and awaited
future is seen from where it keeps their addresses; where its state is, from futures in each of them; where a
future has its callbacks, from one that gets some.
"""
import asyncio
import ctypes

WORD = 8


def words(thing):
    """The object as unsigned 64-bit words."""
    return list((ctypes.c_uint64 * (type(thing).__basicsize__ // WORD)).from_address(id(thing)))


def halves(thing):
    """The object as 32-bit integers."""
    return list((ctypes.c_int32 * (2 * (type(thing).__basicsize__ // WORD))).from_address(id(thing)))


def the_only(offsets, what):
    """The offset, of which there has to be one."""
    if len(offsets) != 1:
        raise SystemExit(f"a task has {what} at {offsets}")
    return str(offsets[0])


def holds(thing, other, what):
    return the_only([WORD * i for i, word in enumerate(words(thing)) if word == id(other)], what)


def state_of(loop):
    """Where futures that are pending, cancelled and finished have 0, 1 and 2: enum fut_state."""
    futures = [loop.create_future() for _ in range(3)]
    futures[1].cancel()
    futures[2].set_result(None)
    columns = enumerate(zip(*(halves(future) for future in futures)))
    return the_only([4 * i for i, column in columns if column == (0, 1, 2)], "its state")


def callbacks_of(loop):
    """Where a future keeps its first callback, and where the list of the others."""
    future = loop.create_future()
    future.add_done_callback(print)
    before = words(future)
    future.add_done_callback(repr)
    changed = [WORD * i for i, (old, new) in enumerate(zip(before, words(future))) if not old and new]
    return {"future_callback": holds(future, print, "its first callback"),
            "future_callbacks": the_only(changed, "its other callbacks")}


def node_of(task):
    """Where it is linked into a circular list, whose neighbours point to that place: struct llist_node."""
    with open("/proc/self/mem", "rb", 0) as memory:

        def word(address):
            try:
                memory.seek(address)
                return int.from_bytes(memory.read(WORD), "little")
            except (OSError, ValueError, OverflowError):
                return 0

        own = words(task)
        nodes = [WORD * i for i in range(2, len(own) - 1)
                 if word(own[i] + WORD) == id(task) + WORD * i == word(own[i + 1])]
    return the_only(nodes, "its list node") if nodes else "0"


async def look():
    async def wait(future):
        await future

    loop = asyncio.get_running_loop()
    future, name = loop.create_future(), "a name of its own"
    coroutine = wait(future)
    task = loop.create_task(coroutine)
    task.set_name(name)
    await asyncio.sleep(0)
    found = {
        "task_bytes": str(type(task).__basicsize__),
        "task_loop": holds(task, loop, "its loop"),
        "task_state": state_of(loop),
        "task_waiter": holds(task, future, "what it waits for"),
        "task_coroutine": holds(task, coroutine, "its coroutine"),
        "task_name": holds(task, name, "its name"),
        "task_node": node_of(task),
        **callbacks_of(loop),
        "future_dict": str(max(type(future).__dictoffset__, 0)),
    }
    future.set_result(None)
    await task
    return found


def of_tasks():
    """Field of struct pam_layout -> offset, as text."""
    return asyncio.run(look())
