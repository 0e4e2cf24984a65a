"""What is profiled: a row per workload, and how each kind of them is started, asked and ended."""

import mmap
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import child
import peers
from targets import page

TARGETS = pathlib.Path(__file__).resolve().parent / "targets"
PAGE_BYTES = 4096
LOAD_SECONDS = 3600  # it is ended sooner
QUIET_SECONDS = 60  # in which it ends its missions and streams


class Program:
    """A program of targets/, which counts its work in a page that we share."""

    def __init__(self, bench, script, *options, before=None):
        self.page_path = bench.folder / "work.page"
        self.page_path.write_bytes(bytes(PAGE_BYTES))
        with open(self.page_path, "r+b") as file:
            self.counters = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self.process = child.start([sys.executable, TARGETS / script, self.page_path, *options], before=before,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        if not self.process.stdout.readline():
            raise peers.Missing(f"targets/{script} did not start")

    def work(self):
        """Units of work done so far; 0 when it does not count."""
        return sum(self.counters[:page.UNTIL])

    def during(self, seconds):
        """Let the time pass; return the seconds that requests took, if it serves any."""
        time.sleep(seconds)
        return []

    def end(self):
        child.end(self.process)
        self.process.communicate()


class PingPong(Program):
    """It plays only while a window is open: nobody should have it on a CPU for minutes."""

    def during(self, seconds):
        self.counters[page.UNTIL] = time.monotonic_ns() + int(seconds * 1e9)
        return super().during(seconds)


class Handler(Program):
    """The asyncio server; we are its client, at times that fit no timer."""

    def __init__(self, bench, script):
        super().__init__(bench, script)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{self.page_path}.socket")
        self.replies = self.socket.makefile("rb")

    def ask(self):
        start = time.perf_counter()
        self.socket.sendall(b"please\n")
        self.replies.readline()
        return time.perf_counter() - start

    def during(self, seconds):
        end = time.monotonic() + seconds
        taken = []
        while time.monotonic() < end:
            time.sleep(0.0037)
            taken.append(self.ask())
        return taken

    def end(self):
        self.replies.close()
        self.socket.close()
        super().end()


class Pam:
    """The real Petal App Manager, brought up and loaded by the script that $PAM_RIG names."""

    def __init__(self, bench, scenario):
        self.rig = os.environ.get("PAM_RIG") or shutil.which("pam-rig")
        if not self.rig:
            raise peers.Missing("PAM_RIG does not name a script that starts PAM (see the README here)")
        self.was_running = self.call("pid").returncode == 0
        said = self.call("start").stdout.split()
        if not said or not said[-1].isdigit():
            raise peers.Missing(f"{self.rig} start did not bring up PAM")
        self.pid = int(said[-1])
        self.load = child.start([self.rig, "load", scenario, LOAD_SECONDS], signal_at_our_end=signal.SIGTERM,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(bench.settle + 2)  # the load signs in and subscribes
        run = pathlib.Path(os.environ.get("PAM_RIG_DIR") or "~/.cache/pam-rig").expanduser() / "run"
        self.latencies = run / "latency.csv"

    def call(self, *arguments):
        return subprocess.run([self.rig, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=180, check=False, text=True)

    def work(self):
        return 0

    def during(self, seconds):
        start = time.monotonic()
        time.sleep(seconds)
        rows = [line.split(",") for line in self.latencies.read_text().splitlines()]
        return [float(row[2]) for row in rows if len(row) == 4 and float(row[0]) >= start and row[3] == "200"]

    def end(self):
        """Missions and streams end with their client; PAM itself is left running if it was."""
        self.load.terminate()
        self.load.wait(QUIET_SECONDS)
        if not self.was_running:
            self.call("stop")


@dataclass(frozen=True)
class Workload:
    name: str
    job: str
    start: Callable  # (bench) -> something with pid, work(), during() and end()
    patience: float = 1.0  # its windows are so many times as long


def threads(*options):
    return lambda bench: Program(bench, "threads.py", *options)


def pam(scenario):
    return lambda bench: Pam(bench, scenario)


WORKLOADS = (
    Workload("idle-12", "12 mostly idle threads, 30 frames deep", threads("--idle=12", "--depth=30")),
    Workload("cpu", "one CPU-bound thread, 30 frames deep", threads("--busy=1", "--depth=30")),
    Workload("gil-4", "4 threads that contend for the GIL", threads("--busy=4", "--depth=10")),
    Workload("threads-100", "100 mostly idle threads", threads("--idle=100", "--depth=10")),
    Workload("native-160", "160 idle threads without Python, and 2 with", threads("--native=160", "--idle=2",
                                                                                  "--depth=10")),
    Workload("ping-pong", "two threads, 50,000 switches a second", lambda bench: PingPong(bench, "pingpong.py")),
    Workload("handler", "an asyncio handler, 250 requests a second", lambda bench: Handler(bench, "handler.py")),
    Workload("tasks-1000", "1,000 asyncio tasks that wait", lambda bench: Program(bench, "waiting.py")),
    Workload("pam-idle", "PAM, the autopilot sends", pam("idle-with-leaffc"), patience=3),
    Workload("pam-rc", "PAM, RC and pose streams", pam("rc-stream"), patience=1.5),
    Workload("pam-mission", "PAM flies missions", pam("mission-execution"), patience=3),
)
