"""How fast captures are converted: beside the peers' converters on equal work, long ones, and from a pipe."""

import os
import signal
import subprocess
import time

import captures
import child
import peers
import proc
import viewer
from attach import Attached
from tools import number
from workloads import WORKLOADS

RATE = 100
PIPE_RATE = 1000
HOUR = 3600
SOURCES = ("pam-idle", "idle-12")  # the first of them that can be started is captured


class Steps:
    """Commands that run one after the other, and what they need together."""

    def __init__(self):
        self.seconds = self.cpu = self.peak = 0

    def run(self, *command, out=subprocess.DEVNULL):
        start = time.monotonic()
        process = child.start(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        try:
            while not (done := os.wait4(process.pid, os.WNOHANG))[0]:
                self.peak = max(self.peak, proc.peak_bytes(process.pid))
                time.sleep(0.0002)
            process.returncode = os.waitstatus_to_exitcode(done[1])
        finally:
            child.end(process)
        self.seconds += time.monotonic() - start
        self.cpu += done[2].ru_utime + done[2].ru_stime
        if process.returncode:
            raise RuntimeError(f"{command[0]} failed with status {process.returncode}")
        return self

    def values(self):
        return {"time, s": self.seconds, "CPU, s": self.cpu, "peak memory, MB": self.peak / 1e6}


# --- equal work: of each tool a capture of the same process at the same rate and as long ---


def pamconvert(kind):
    return lambda bench, path, out: Steps().run(bench.convert, "-q", "-f", kind, "-o", out, path)


def mojo2austin(bench, path, out):
    return Steps().run(peers.in_venv(bench.place, peers.AUSTIN_PYTHON, "mojo2austin"), path, out)


def austin2speedscope(bench, path, out):
    """It reads the text that mojo2austin writes."""
    text = out.with_suffix(".austin")
    steps = mojo2austin(bench, path, text)
    return steps.run(peers.in_venv(bench.place, peers.AUSTIN_PYTHON, "austin2speedscope"), text, out)


def stackcollapse(bench, path, out):
    with open(out, "wb") as file:
        return Steps().run(*peers.perf(bench.place), "script", "-i", path, "-s", peers.stack_collapser(), out=file)


CONVERTERS = {  # by the tool that captures: (name, format, function)
    "pamcollect": (("pamconvert", "collapsed", pamconvert("collapsed")),
                   ("pamconvert", "speedscope", pamconvert("speedscope"))),
    "austin": (("mojo2austin", "collapsed", mojo2austin),
               ("mojo2austin, austin2speedscope", "speedscope", austin2speedscope)),
    "perf": (("perf script, stackcollapse", "collapsed", stackcollapse),),
}


def convert_all(bench, target, tool):
    with Attached(bench, tool, target.pid, RATE) as attached:
        time.sleep(bench.scale.capture)
        attached.interrupt()
    samples = tool.samples(attached).got
    for name, kind, function in CONVERTERS[tool.name]:
        workload = f"{bench.scale.capture} s to {kind}"
        for _ in range(bench.scale.repeat):
            steps = bench.attempt(workload, name, function, bench, attached.path, bench.folder / f"converted.{kind}")
            if steps:
                bench.add("convert", workload, RATE, name, **steps.values(), **{
                    "capture, MB": attached.size() / 1e6, "thread samples": samples,
                    "CPU for 1000 samples, ms": samples and steps.cpu / samples * 1e6})


# --- long captures ---


def growth(bench, source):
    """Bytes an hour once the first stacks are known: a window cannot show that."""
    *blocks, last = captures.blocks(source.read_bytes())
    first_ns, last_ns = blocks[0].header.clock_ns, last.header.clock_ns
    later = [block.header for block in blocks[len(blocks) // 2:]]
    stored = sum(captures.LAYOUT.size + header.stored_bytes for header in later)
    bench.add("convert", f"{(last_ns - first_ns) / 1e9:.0f} s of capture", RATE, "pamcollect", **{
        "file, MB": source.stat().st_size / 1e6,
        "file in the second half, MB/hour": stored / (last_ns - later[0].clock_ns) * 1e9 * HOUR / 1e6})


def long_capture(bench, source, hours):
    workload, repeat = f"{hours} h, made", bench.scale.repeat if hours <= 1 else 1
    path, out = bench.folder / "long.pamcap", bench.folder / "converted"
    megabytes = captures.lengthen(source, path, hours * HOUR) / 1e6

    def add(column, steps, **more):
        bench.add("convert", workload, RATE, column, **steps.values(), **{
            "capture, MB": path.stat().st_size / 1e6, "records, MB": megabytes,
            "records, MB/s of CPU": megabytes / steps.cpu}, **more)

    decoder = peers.decoder(bench.place)
    for _ in range(repeat):
        add("decoding alone", Steps().run(decoder, path))
    for kind in ("csv", "speedscope", "collapsed"):
        for _ in range(repeat):
            add(f"pamconvert -f {kind}", pamconvert(kind)(bench, path, out), **{
                "output, MB": out.stat().st_size / 1e6})
        if kind == "speedscope" and bench.scale.view:
            for _ in range(repeat):
                bench.attempt(workload, "speedscope's viewer", view, bench, workload, out)


def view(bench, workload, profile):
    bench.add("convert", workload, RATE, "pamconvert -f speedscope", **{
        "opens in the viewer, s": viewer.seconds_to_open(bench.place, profile)})


# --- from a pipe ---


def pipe(bench, target):
    """The converter's CPU time, and how long after the collector it ends."""
    collect = child.start([bench.collect, "-r", PIPE_RATE, "-p", target.pid, "-d", bench.scale.capture, "-o", "-"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    convert = child.start([bench.convert, "-q", "-f", "speedscope", "-o", bench.folder / "piped.json"],
                          stdin=collect.stdout)
    collect.stdout.close()
    said = collect.communicate()[1].decode()
    ended = time.monotonic()
    cpu = os.wait4(convert.pid, 0)[2]
    convert.returncode = 0
    if collect.returncode:
        raise RuntimeError(f"pamcollect failed: {said.strip()}")
    bench.add("convert", "from a pipe", PIPE_RATE, "pamconvert", **{
        "converter CPU, %": (cpu.ru_utime + cpu.ru_stime) / bench.scale.capture * 100,
        "ends after the collector, ms": (time.monotonic() - ended) * 1e3,
        "blocks dropped": number(r"(\d+) blocks were dropped", said) or 0})


def first_that_starts(bench):
    for name in SOURCES:
        workload = next(workload for workload in WORKLOADS if workload.name == name)
        target = bench.attempt("convert", name, workload.start, bench)
        if target:
            return target
    raise peers.Missing("nothing to capture")


def capture_all(bench, target, source):
    """Into `source` what long captures are made of; meanwhile the captures that are converted at once."""
    with child.start([bench.collect, "-q", "-p", target.pid, "-o", source]) as collect:
        try:
            for tool in bench.tools:
                if tool.name in CONVERTERS:
                    bench.say(f"convert: {tool.name}")
                    bench.attempt("equal work", tool.name, convert_all, bench, target, tool)
            bench.say("convert: from a pipe")
            bench.attempt("from a pipe", "pamconvert", pipe, bench, target)
        finally:
            collect.send_signal(signal.SIGINT)


def measure(bench, _workloads):
    target = first_that_starts(bench)
    source = bench.folder / "source.pamcap"
    try:
        capture_all(bench, target, source)
    finally:
        target.end()
    bench.attempt("long captures", "", growth, bench, source)
    for hours in bench.scale.hours:
        bench.say(f"convert: {hours} h")
        bench.attempt("long captures", "", long_capture, bench, source, hours)
