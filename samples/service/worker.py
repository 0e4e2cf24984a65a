"""Gives every part of the service its threads: named, stoppable and alike."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor


class Worker(threading.Thread):
    """A thread that repeats step() until stop() is called; step() must return within a second."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self._stopping = threading.Event()

    def run(self):
        while not self._stopping.is_set():
            self.step()

    def step(self):
        raise NotImplementedError

    def pause(self, seconds):
        """Sleep, but wake up at once when the worker is to stop."""
        self._stopping.wait(seconds)

    def stop(self):
        self._stopping.set()
        self.join(timeout=2)


class Pool:
    """One thread named <prefix>_0 that does blocking work for the event loop."""

    def __init__(self, prefix):
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=prefix)

    async def call(self, function, *arguments):
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    def stop(self):
        self._executor.shutdown(wait=True, cancel_futures=True)
