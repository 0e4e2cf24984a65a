"""The price of a tool in windows of time: each round of a workload has one without and one with each tool."""

import statistics
import time

import proc
from attach import Attached

NOTHING = "nothing"


def percentile_ms(seconds, percent):
    """None when there are too few to tell."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1e3 if len(seconds) >= 10 else None


class Window:
    """What the target does in a stretch of time, and what each second of it costs."""

    def __init__(self, target, seconds, attached=None):
        self.own_cpu = -attached.cpu_seconds() if attached else 0.0
        cpu, switches, work = proc.cpu_seconds(target.pid), proc.switches(target.pid), target.work()
        start = time.monotonic()
        taken = target.during(seconds)
        self.seconds = time.monotonic() - start
        self.cpu = (proc.cpu_seconds(target.pid) - cpu) / self.seconds * 100
        self.switches = (proc.switches(target.pid) - switches) / self.seconds
        self.work = (target.work() - work) / self.seconds or None
        self.cost = self.work and self.cpu / self.work * 1e4
        self.p50, self.p99 = percentile_ms(taken, 50), percentile_ms(taken, 99)
        self.own_cpu = (self.own_cpu + attached.cpu_seconds()) / self.seconds * 100 if attached else None

    def of_target(self):
        return {"target CPU, %": self.cpu, "target switches/s": self.switches, "work/s": self.work,
                "CPU a unit of work, us": self.cost, "request p50, ms": self.p50, "request p99, ms": self.p99}


def dearer(window, alone):
    """Percent of a CPU by which the same work costs the target more; of one that counts none, by which it uses more."""
    if alone.cost and window.cost:
        return (window.cost - alone.cost) * window.work / 1e4
    return window.cpu - alone.cpu


def hourly_megabytes(attached, size, written):
    """What came after the window's start, of a tool that had `written` its preamble then; all of one that had not."""
    if not attached.tool.suffix:
        return None
    return (attached.size() - size) / (attached.interrupted - written if size else attached.seconds) * 3600 / 1e6


def with_tool(bench, target, tool, rate, seconds):
    """Values of a window with the tool, from its start to its finished file."""
    with Attached(bench, tool, target.pid, rate) as attached:
        time.sleep(bench.settle)
        size, written = attached.size(), attached.last_written()
        window = Window(target, seconds, attached)
        attached.interrupt()
        samples = tool.samples(attached)
        return window, {
            "own CPU, %": window.own_cpu,
            "own CPU with start and end, %": attached.cpu / attached.lifetime * 100,
            "own peak memory, MB": attached.peak / 1e6,
            "file, MB/hour": hourly_megabytes(attached, size, written),
            "samples wanted": samples.wanted,
            "samples got, % of wanted": samples.got / samples.wanted * 100 if samples.wanted else None,
            "samples failed, %": samples.failed / samples.wanted * 100 if samples.wanted else None,
            "ticks/s": samples.ticks and samples.ticks / attached.seconds,
            "samples a tick": samples.ticks and (samples.got + samples.failed) / samples.ticks,
            "start to first sample, ms": attached.first and attached.first * 1e3,
            "Ctrl-C to finished file, ms": attached.finish * 1e3,
        }


def one_tool(bench, workload, target, tool, rate, seconds, alone):
    window, own = with_tool(bench, target, tool, rate, seconds)
    added = window.cpu - alone.cpu
    ticks = own["ticks/s"]
    samples = ticks and ticks * own["samples a tick"]
    bench.add("windows", workload.name, rate, tool.name, **own, **window.of_target(), **{
        "own CPU a tick, us": ticks and window.own_cpu / ticks * 1e4,
        "own CPU a sample, us": samples and window.own_cpu / samples * 1e4,
        "added to the target a tick, us": ticks and dearer(window, alone) / ticks * 1e4,
        "added to the target, % CPU": added, "own + added, % CPU": window.own_cpu + added})


def one_round(bench, workload, target, seconds):
    time.sleep(bench.settle)  # what perf hooks into switches stays for a second
    for rate in bench.scale.rates:
        alone = Window(target, seconds)
        bench.add("windows", workload.name, rate, NOTHING, **alone.of_target())
        for tool in bench.tools_for(workload.name):
            bench.attempt(workload.name, tool.name, one_tool, bench, workload, target, tool, rate, seconds, alone)


def measure(bench, workloads):
    """A B A B: the tools take turns on one process that lives through all rounds."""
    for workload in workloads:
        bench.say(f"windows: {workload.name}")
        target = bench.attempt(workload.name, "", workload.start, bench)
        if target:
            try:
                for _ in range(bench.scale.rounds):
                    one_round(bench, workload, target, bench.scale.window * workload.patience)
            finally:
                target.end()
