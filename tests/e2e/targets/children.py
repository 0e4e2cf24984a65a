"""Two child processes that burn a known part of a core: one started by exec before, one forked later.

Truth: their pids, the part of a core, and the CPU seconds that the kernel counted for each.
"""

import os
import random
import sys
import time

import truth


def burn(percent, seconds):
    for _ in truth.until(seconds):
        period = random.uniform(0.01, 0.03)
        begin, busy = time.perf_counter(), time.thread_time()
        while time.thread_time() - busy < percent / 100 * period:
            pass
        time.sleep(max(0.0, begin + period - time.perf_counter()))


def start_by_exec(percent, seconds):
    command = [sys.executable, __file__, "--burn", str(percent), "--seconds", str(seconds)]
    return os.posix_spawn(sys.executable, command, os.environ)


def start_by_fork(percent, seconds):
    pid = os.fork()
    if pid == 0:
        burn(percent, seconds)
        os._exit(0)
    return pid


def end(pid, percent, how):
    _, status, usage = os.wait4(pid, 0)
    status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    return {"pid": pid, "percent": percent, "started": how, "status": status, "cpu": usage.ru_utime + usage.ru_stime}


def main():
    options = truth.arguments(__doc__, burn=0)
    if options.burn:
        burn(options.burn, options.seconds)
        return
    first = start_by_exec(50, options.seconds)
    truth.ready()
    time.sleep(options.seconds / 4)
    second = start_by_fork(25, options.seconds / 2)
    truth.tell(function="burn", children=[end(second, 25, "fork after ready"), end(first, 50, "exec before ready")])


main()
