"""By how much a CPU-bound target, pinned, is slower with a tool: paired windows, with 95 % bounds."""

import os
import statistics
import time

import peers
import proc
from attach import Attached
from workloads import Program

WINDOW = 0.1  # seconds
LEAD = 0.01  # so long after each change nothing is counted
PLACES = ("elsewhere", "anywhere")  # which CPUs the tools may use; the target has the last for itself or not


def speed(target):
    """Units of work per second, and per second of the target's CPU time."""
    time.sleep(LEAD)
    start, work, cpu = time.perf_counter(), target.work(), proc.cpu_seconds(target.pid)
    time.sleep(WINDOW)
    work, cpu = target.work() - work, proc.cpu_seconds(target.pid) - cpu
    return work / (time.perf_counter() - start), work / cpu


def bounds(values):
    """The median's 95 % bounds by order statistics: outliers, and we share the machine, do not move them."""
    values, half = sorted(values), 0.98 * len(values) ** 0.5
    low = max(round(len(values) / 2 - half) - 1, 0)
    return values[low], values[-1 - low]


def slower(off, on):
    """Percent, for each window with the tool against the mean of the two around it."""
    return [100 * (1 - on[i] * 2 / (off[i] + off[i + 1])) for i in range(len(on))]


def pairs(bench, target, tool, rate):
    off, on = [], []
    with Attached(bench, tool, target.pid, rate) as attached:
        time.sleep(bench.settle)
        for _ in range(bench.scale.pairs):
            attached.pause()
            off.append(speed(target))
            attached.resume()
            on.append(speed(target))
        attached.pause()
        off.append(speed(target))
        attached.resume()
        attached.interrupt()
    return list(zip(*off)), list(zip(*on))


def one_tool(bench, workload, target, tool, rate):
    off, on = pairs(bench, target, tool, rate)
    values = {}
    for i, kind in enumerate(("by the clock", "by its CPU time")):
        percent = slower(off[i], on[i])
        low, high = bounds(percent)
        values |= {f"slower {kind}, %": statistics.median(percent), f"slower {kind}, lower 95 %": low,
                   f"slower {kind}, upper 95 %": high}
    bench.add("slowdown", workload, rate, tool.name, **values)


def start(bench, cpus):
    if len(cpus) < 2:
        raise peers.Missing("needs two CPUs")

    def stand_back():
        """So that what else needs that CPU does not wait for us; under SCHED_IDLE everything would move there."""
        os.sched_setaffinity(0, {max(cpus)})
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.nice(19)

    return Program(bench, "threads.py", "--busy=1", "--depth=30", before=stand_back)


def all_tools(bench, target, workload):
    for rate in bench.scale.rates:
        for tool in bench.tools_for(workload):
            bench.say(f"slowdown: {workload}, {tool.name} {rate} Hz")
            bench.attempt(workload, tool.name, one_tool, bench, workload, target, tool, rate)


def measure(bench, _workloads):
    cpus = os.sched_getaffinity(0)
    target = bench.attempt("slowdown", "", start, bench, cpus)
    if target:
        try:
            for place in PLACES:
                os.sched_setaffinity(0, cpus - {max(cpus)} if place == "elsewhere" else cpus)
                all_tools(bench, target, f"cpu pinned, tools {place}")
        finally:
            target.end()
            os.sched_setaffinity(0, cpus)
