"""The tools that are compared: a row each of how to install and run it, and what it tells of its samples."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import peers
import proc


@dataclass(frozen=True)
class Samples:
    """Thread samples of a run: what its rate and the target asked for, what came, what went wrong; in so many ticks."""

    wanted: float
    got: float
    failed: float
    ticks: float | None = None


@dataclass(frozen=True)
class Tool:
    name: str
    install: Callable  # (bench) -> the words its command begins with; raises peers.Missing
    command: Callable  # (words, pid, rate, path of the output) -> command
    suffix: str  # of its output; "" when it has none
    samples: Callable  # (run) -> Samples
    first: Callable  # (run) -> when the first sample was taken, or None
    control: str = ""  # an option that takes the path of a fifo, if it can be paused by that alone
    only: tuple = ()  # the names of workloads, if it tells something of these alone


def number(pattern, text):
    """The first number that the pattern finds, or None."""
    found = re.search(pattern, text)
    return float(found[1]) if found else None


def said(pattern):
    """When the tool printed a line, for those that print it right before they begin."""
    return lambda run: next((at for at, line in run.lines if re.search(pattern, line)), None)


def never(_run):
    return None


# --- the floor ---


def floor_samples(run):
    ticks = number(r"ticks: (\d+)", run.text()) or 0
    return Samples(run.rate * run.seconds, ticks, 0, ticks)


# --- pamcollect ---


def pamcollect_samples(run):
    """By its last health record. Ticks that did not come would have wanted as many samples as those that did."""
    *_, (at, health) = run.bench.records(run.path, "health")
    longer = run.seconds / at
    came = health.get("ticks", 0) / (run.rate * at)
    wanted, failed = health.get("wanted", 0) * longer, health.get("failed", 0) * longer
    return Samples(wanted / min(came or 1, 1), wanted - failed, failed, health.get("ticks", 0) * longer)


def pamcollect_first(run):
    _, session = next(run.bench.records(run.path, "session"))
    at, _ = next(run.bench.records(run.path, "sample"), (None, None))
    return None if at is None else session["start_monotonic_ns"] / 1e9 + at


# --- the peers ---


def samples_of_all(run, got, failed):
    """Of tools that look at every thread at every tick."""
    return Samples(run.rate * run.seconds * run.threads, got, failed, (got + failed) / run.threads)


def py_spy_samples(run):
    return samples_of_all(run, *(number(rf"{what}: (\d+)", run.text()) or 0 for what in ("Samples", "Errors")))


def austin_samples(run):
    text = re.sub(r"\x1b\[[\d;]*m", "", run.text())
    failed, got = (number(rf"Error rate[ .]*{part}", text) or 0 for part in (r"(\d+)/", r"\d+/(\d+)"))
    return samples_of_all(run, got - failed, failed)


def perf_samples(run):
    """Its clock runs only while the target does; some of that is before it has begun, about a tenth of a second."""
    return Samples(run.rate * run.target_cpu, number(r"\((\d+) samples\)", run.text()) or 0,
                   number(r"lost (\d+)", run.text()) or 0)


def perf_first(run):
    script = [run.command[0], "script", "-i", run.path, "-F", "time"]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        line = process.stdout.readline().strip(": \n")
        process.kill()
    return float(line) if line else None


def pamcollect(name, *options, only=()):
    return Tool(name, lambda bench: [bench.collect, *options],
                lambda words, pid, rate, path: [*words, "-r", rate, "-p", pid, "-o", path],
                ".pamcap", pamcollect_samples, pamcollect_first, only=only)


TOOLS = (
    Tool("floor", lambda bench: [peers.compile_c(bench.place, "floor")],
         lambda words, pid, rate, path: [*words, rate],
         "", floor_samples, never),
    pamcollect("pamcollect"),
    pamcollect("with-event", "-e", "task-clock,{page-faults,context-switches}:S"),
    pamcollect("with-native", "--native", only=("idle-12", "cpu", "tasks-1000")),
    pamcollect("with-kernel", "--kernel", only=("idle-12", "cpu", "tasks-1000")),
    pamcollect("with-tasks", "--tasks", "1", only=("tasks-1000",)),
    Tool("austin", lambda bench: peers.austin(bench.place),
         lambda words, pid, rate, path: [*words, "-i", f"{1_000_000 // rate}us", "-p", pid, "-o", path],
         ".mojo", austin_samples, said("Python.* version")),
    Tool("perf", lambda bench: peers.perf(bench.place),
         lambda words, pid, rate, path: [*words, "record", "-e", "cpu-clock", "-F", rate, "-g", "-k", "CLOCK_MONOTONIC",
                                         "-p", pid, "-o", path],
         ".data", perf_samples, perf_first, control="--control=fifo:"),
    Tool("py-spy", lambda bench: peers.py_spy(bench.place),
         lambda words, pid, rate, path: [*words, "record", "-r", rate, "--idle", "--subprocesses", "-f", "speedscope",
                                         "-o", path, "-p", pid],
         ".json", py_spy_samples, said("Sampling process")),
)
