"""A run of the bench: its settings, the tools that could be had, the results, and what is missing and why."""

import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict, namedtuple

import peers
from tools import TOOLS

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# How long and how often; the standard run takes less than 25 minutes, the quick one less than 4.
Scale = namedtuple("Scale", "rounds rates window settle pairs capture hours repeat view")
STANDARD = Scale(rounds=3, rates=(100, 1000), window=1.0, settle=1.2, pairs=30, capture=15, hours=(1, 24), repeat=5,
                 view=True)
QUICK = Scale(rounds=1, rates=(100,), window=0.8, settle=1.0, pairs=6, capture=4, hours=(1,), repeat=1, view=True)
SMOKE = Scale(rounds=1, rates=(100,), window=0.5, settle=0.3, pairs=2, capture=1, hours=(0.01,), repeat=1,
              view=False)

# Where a value belongs: measure and workload and rate are a part of the table, metric a row, column a tool.
Cell = namedtuple("Cell", "measure workload rate metric column")


class Bench:
    def __init__(self, scale, names, place):
        self.scale = scale
        self.settle = scale.settle
        self.place = place
        self.place.mkdir(parents=True, exist_ok=True)
        self.scratch = tempfile.TemporaryDirectory(prefix="pam-bench-")
        self.folder = pathlib.Path(self.scratch.name)
        self.values = defaultdict(list)  # Cell: values
        self.missing = {}  # (workload, column): reason, "" being any
        folder = programs()
        self.collect, self.convert = folder / "pamcollect", folder / "pamconvert"
        self.installed = {}
        for tool in TOOLS:
            if tool.name in names:
                self.say(f"installing {tool.name}")
                self.attempt("", tool.name, self.install, tool)

    def install(self, tool):
        self.installed[tool.name] = tool.install(self)

    @property
    def tools(self):
        return [tool for tool in TOOLS if tool.name in self.installed]

    def tools_for(self, workload):
        """Those that tell something of the workload with that name."""
        return [tool for tool in self.tools if workload in (tool.only or [workload])]

    def words(self, tool):
        return self.installed[tool.name]

    def add(self, measure, workload, rate, column, **values):
        """Results; a value of None is one that there is not."""
        for metric, value in values.items():
            self.values[Cell(measure, workload, rate, metric, column)].extend([] if value is None else [value])

    def attempt(self, workload, column, function, *arguments):
        """Call it; what it cannot do is noted, and everything else goes on."""
        try:
            return function(*arguments)
        except (peers.Missing, RuntimeError, OSError, subprocess.SubprocessError) as error:
            self.missing[workload, column] = str(error)
            self.say(f"{workload} {column}: {error}".strip())
            return None

    def records(self, path, kind):
        """The records of a type in a capture, as (time, {field: number})."""
        dump = self.output(self.convert, "-q", "-f", "dump", path)
        for at, fields in re.findall(rf"^ *([\d.]+) {kind} (.*)$", dump, re.M):
            yield float(at), {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)\b", fields)}

    @functools.cache
    def python_threads(self, pid):
        """How many threads of the process have stacks: a short capture tells."""
        path = self.folder / "threads.pamcap"
        self.output(self.collect, "-q", "-d", "0.3", "-p", pid, "-o", path)
        return sum(fields.get("has_python", 0) for _, fields in self.records(path, "thread"))

    def output(self, *command):
        return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=300, check=True).stdout.decode("utf-8", "replace")

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def programs():
    """The folder of pamcollect and pamconvert: $PAM_BIN, or the preset `release`, built now."""
    if "PAM_BIN" in os.environ:
        return pathlib.Path(os.environ["PAM_BIN"]).resolve()
    for step in (["cmake", "--preset", "release", "-G", "Ninja"], ["cmake", "--build", "--preset", "release"]):
        subprocess.run(step, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return ROOT / "build/release/bin"
