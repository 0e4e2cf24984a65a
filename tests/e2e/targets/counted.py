"""Threads that count what they do: page faults, write() calls, context switches; then --short threads one after the other.

They begin --delay-ms after the target is ready, so that what counts them is there by then.

Truth: of each thread by its tid, and of the whole process.
"""

import mmap
import os
import resource
import threading
import time

import truth

PAGE = mmap.PAGESIZE
told = {}


def touch(pages):
    memory = mmap.mmap(-1, pages * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for i in range(pages):
        memory[i * PAGE] = 1
    memory.close()


def touch_few(rounds):
    for _ in range(rounds):
        touch(20)
        time.sleep(0.002)


def touch_many(rounds):
    for _ in range(rounds):
        touch(60)
        time.sleep(0.002)


def make_faults(rounds, out):
    touch_few(rounds)
    touch_many(rounds)
    return 0


def write_much(rounds, out):
    for _ in range(rounds):
        for _ in range(25):
            os.write(out, b"x")
        time.sleep(0.002)
    return 25 * rounds


def switch(rounds, out):
    for _ in range(3 * rounds):
        time.sleep(0.001)
    return 0


def counts(usage):
    return {"page-faults": usage.ru_minflt + usage.ru_majflt, "context-switches": usage.ru_nvcsw + usage.ru_nivcsw}


def count(work, begin, rounds, out):
    begin.wait()
    before = counts(resource.getrusage(resource.RUSAGE_THREAD))
    writes = work(rounds, out)
    after = counts(resource.getrusage(resource.RUSAGE_THREAD))
    told[threading.get_native_id()] = {
        "name": threading.current_thread().name,
        "writes": writes,
        **{name: after[name] - before[name] for name in after},
    }


def short(out):
    for _ in range(7):
        os.write(out, b"x")
    touch(5)


def main():
    options = truth.arguments(__doc__, delay_ms=1500, rounds=300, short=0)
    begin = threading.Event()
    out = os.open("/dev/null", os.O_WRONLY)
    threads = [
        threading.Thread(target=count, args=(work, begin, options.rounds, out), name=work.__name__)
        for work in (make_faults, write_much, switch)
    ]
    for thread in threads:
        thread.start()
    truth.ready()
    time.sleep(options.delay_ms / 1000)
    before = counts(resource.getrusage(resource.RUSAGE_SELF))
    begin.set()
    for thread in threads:
        thread.join()
    for _ in range(options.short):
        thread = threading.Thread(target=short, args=(out,))
        thread.start()
        thread.join()
    after = counts(resource.getrusage(resource.RUSAGE_SELF))
    time.sleep(0.2)
    process = {name: after[name] - before[name] for name in after}
    process["writes"] = sum(thread["writes"] for thread in told.values()) + 7 * options.short
    truth.tell(threads=told, process=process, few="touch_few", many="touch_many")


main()
