"""Names and numbers that nobody has: of functions, files, threads and mappings.

Options: --names 1: code and threads are called by 64 KB, by surrogates, zeroes and escapes; --threads N: so
many threads that wait; --maps N: so many mappings. Truth: how many threads and mappings there are.
"""

import mmap
import os
import threading
import time

import truth

NAMES = {
    "long": "n" * (64 << 10),
    "wide": "🚁" * (64 << 10),
    "surrogates": "lone \ud800 and \udfff",
    "zero": "before\0after",
    "escape": "\x1b]0;owned\x07\x1b[2J",
    "lines": "one\ntwo\r\nthree\t;",
    "empty": "",
}
STACK_BYTES = max(65536, os.sysconf("SC_THREAD_STACK_MIN"))  # which is 128 KiB on arm64
RESERVE = 64  # threads that end when there can be no more, so that others find room


def wait(seconds):
    time.sleep(seconds)


def work(seconds):
    for _ in truth.until(seconds):
        sum(range(1000))


def called(name):
    code = work.__code__.replace(co_name=name, co_filename=name)
    if hasattr(code, "co_qualname"):
        code = code.replace(co_qualname=name)
    return type(work)(code, work.__globals__, name)


def start(function, seconds, **more):
    thread = threading.Thread(target=function, args=(seconds,), daemon=True, **more)
    try:
        thread.start()
    except RuntimeError:  # as many as the machine lets
        return None
    return thread


def make_maps(count):
    """Pages that can and cannot be written by turns are mappings of their own."""
    pages = []
    while len(pages) < count:
        protection = mmap.PROT_READ | (mmap.PROT_WRITE if len(pages) % 2 else 0)
        try:
            pages.append(mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, protection))
        except OSError:
            break
    return pages


def count_lines(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return sum(1 for _ in file)


def main():
    arguments = truth.arguments(__doc__, names=0, threads=0, maps=0)
    threading.stack_size(STACK_BYTES)
    full = threading.Event()
    threads = [start(wait if n >= RESERVE else full.wait, arguments.seconds + 60) for n in range(arguments.threads)]
    if None in threads:
        full.set()
        for thread in threads[:RESERVE]:
            thread.join()
    pages = make_maps(arguments.maps)
    if arguments.names:
        for name in NAMES.values():
            start(called(name), arguments.seconds, name=name)
    maps = count_lines("/proc/self/maps")
    truth.ready()
    work(arguments.seconds)
    truth.tell(threads=len([thread for thread in threads if thread and thread.is_alive()]), named=len(NAMES),
               maps=maps, pages=len(pages))


main()
