"""What the kernel says about a process: CPU time, context switches, memory, threads, descendants."""

import os
import pathlib
import time

CPUCLOCK_SCHED = 2  # of <linux/time.h>: a process's CPU clock id is its pid, inverted, and this


def cpu_seconds(pid):
    """CPU time of all threads, exact to the nanosecond also while they run; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def tasks(pid):
    try:
        return [pathlib.Path(f"/proc/{pid}/task", tid) for tid in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []


def read(path):
    """Its text, or nothing when the process or thread has just ended."""
    try:
        return pathlib.Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def switches(pid):
    """How often its threads were given a CPU."""
    return sum(int((read(task / "schedstat").split() or ["0"])[-1]) for task in tasks(pid))


def states(pid):
    """The states of its threads, as in "SSR"; "t" is stopped by a tracer."""
    return "".join(read(task / "stat").rpartition(") ")[2][:1] for task in tasks(pid))


def peak_bytes(pid):
    """Most memory it ever had; 0 when it is gone. rusage would count the bench it was forked from."""
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def family(pid):
    """The process and all that descend from it."""
    children = {int(child) for task in tasks(pid) for child in read(task / "children").split()}
    return [pid] + [one for child in children for one in family(child)]
