"""What the tests share: running the programs and targets, captures as data, statistics."""

import collections
import concurrent.futures
import contextlib
import functools
import glob
import importlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("PAM_BIN", ROOT / "build/dev/bin")).resolve()
TARGETS = HERE / "targets"
COLLECT, CONVERT, PLOT = (str(BIN / name) for name in ("pamcollect", "pamconvert", "pamplot"))
SLOW = float(os.environ.get("PAM_TEST_SLOW", "1"))  # how many times longer things may take on this machine
WITHOUT_QUALNAMES = ("3.8", "3.9", "3.10")  # functions are called by their plain names
TIMEOUT = 60  # seconds in which any program must have ended by itself, on one that is not slow


# --- what may be absent ---

# The CPythons that can be read: d is a debug build, t a free-threaded one. Tests that are about all iterate these.
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
FREE_THREADED = ("3.13t", "3.14t")
KINDS = (*VERSIONS, *FREE_THREADED)  # of which each has a layout of its own
PYTHONS = (*KINDS, "3.11d", "3.13d", "3.14d")


def find_python(version):
    """Return the path of a CPython of that version, as in "3.11" or "3.13t", or None."""
    installed = ROOT / "build/pythons"  # by tests/install-pythons
    places = [
        os.environ.get("PAM_PYTHON" + version.replace(".", ""), ""),
        *sorted(glob.glob(f"/root/.pyenv/versions/{version}.*/bin/python3")),
        f"/usr/bin/python{version}",
        str(installed / f"usr/bin/python{version}"),
        str(installed / f"built/bin/python{version}"),
    ]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def pythons(versions=PYTHONS):
    """The (version, path) of those that are here; what is not is said."""
    found = [(version, python) for version in versions if (python := find_python(version))]
    missing = sorted(set(versions) - {version for version, _ in found})
    if missing:
        print(f"no Python {', '.join(missing)} here")
    if not found:
        raise unittest.SkipTest(f"none of Python {', '.join(versions)} is here")
    return found


def need_python(version="3.11"):
    found = find_python(version)
    if not found:
        raise unittest.SkipTest(f"no Python {version} found (PAM_PYTHON{version.replace('.', '')}=PATH names one)")
    return found


def need_module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise unittest.SkipTest(f"the Python module {name} is not installed in {sys.prefix}") from None


def need_tool(name):
    """Return the path of a program: beside the running Python, or in PATH."""
    found = shutil.which(name, path=f"{sys.prefix}/bin") or shutil.which(name)
    if not found:
        raise unittest.SkipTest(f"the program {name} is not installed")
    return found


def need_root(why):
    if os.geteuid() != 0:
        raise unittest.SkipTest(f"only root can {why}")


def need_plain_build(why):
    if b"libasan" in run("ldd", COLLECT).out:
        raise unittest.SkipTest(f"AddressSanitizer {why}")


# --- running ---


Result = collections.namedtuple("Result", "status out err")  # out is bytes, err is text


def run(*command, timeout=TIMEOUT, **options):
    """Run to the end; a program that does not end is an error of the test."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    if "input" in options:
        del options["stdin"]
    done = subprocess.run([str(part) for part in command], timeout=timeout * SLOW, check=False, **options)
    return Result(done.returncode, done.stdout or b"", (done.stderr or b"").decode("utf-8", "backslashreplace"))


def wait_until(condition, seconds=10.0, what="it"):
    """Return the first true value of condition()."""
    end = time.monotonic() + seconds * SLOW
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds * SLOW:g} s")
        time.sleep(0.01)
    return value


def parallel(*functions):
    """Run functions at the same time; return their results in order."""
    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(function) for function in functions]]


class Target:
    """A program of targets/ that is ready; truth() waits for its end."""

    def __init__(self, command, **options):
        # A truth may be long, and who waits for the target's end does not read it before.
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, pipesize=1 << 20, **options)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{command} did not start")
        self.ready = json.loads(line)
        self.pid = self.ready["pid"]

    def truth(self):
        told = json.loads(self.process.stdout.readline())
        self.process.wait(TIMEOUT * SLOW)
        return told["truth"]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Case(unittest.TestCase):
    """A test with a folder of its own, that leaves no process behind."""

    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pam-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    @classmethod
    def of_class(cls):
        """For setUpClass: what it starts lives as long as the class."""
        case = Case("setUp")
        case.setUp()
        cls.addClassCleanup(case.doCleanups)
        return case

    def start(self, *command, **options):
        """Popen that is killed at the end of the test, with all that it started."""
        options = {"stdin": subprocess.DEVNULL, "start_new_session": True, **options}
        process = subprocess.Popen([str(part) for part in command], **options)
        self.addCleanup(kill, process)
        return process

    def target(self, name, seconds, *options, python=None, interpreter=(), **more):
        """A target of targets/, run by `python` with the options `interpreter`."""
        target = Target([python or need_python(), *interpreter, TARGETS / f"{name}.py", "--seconds", seconds, *options], **more)
        self.addCleanup(target.end)
        return target

    def sleeper(self, seconds=30, python=None, **more):
        """A Python process that does nothing; its pid."""
        script = "import os, time; print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(" + str(seconds) + ")"
        target = Target([python or need_python(), "-c", script], **more)
        self.addCleanup(target.end)
        return target.pid

    @contextlib.contextmanager
    def placed(self, *pids, together=False, always=SLOW > 1):
        """An emulated CPU that asks another one for a stack gets it only when it is that one's turn, after milliseconds,
        which the collector does not wait; it does get it from one that has its turn before. And the thread may be
        elsewhere by then, unless it shares the CPU with the collector, and stands still. So, what is started in here
        runs on the last CPU, and these processes on the first, or together with it. `always` is for other reasons."""
        cpus = sorted(os.sched_getaffinity(0))
        if always:
            for tid in [tid for pid in pids for tid in os.listdir(f"/proc/{pid}/task")]:
                os.sched_setaffinity(int(tid), cpus[:1])
            os.sched_setaffinity(0, cpus[:1] if together else cpus[-1:])
        yield
        os.sched_setaffinity(0, cpus)

    def collect(self, *options, status=0, name="capture.pamcap", **more):
        """Run pamcollect to its end, which must be with that status; return the path of the capture."""
        path = self.folder / name
        result = run(COLLECT, *options, "-o", path, **more)
        self.assertEqual(result.status, status, result.err)
        return path

    def capture_target(self, name, seconds, *options, collect=(), **more):
        """Capture a target from ready to its end; return its truth and the path of the capture."""
        target = self.target(name, seconds, *options, **more)
        path = self.collect("-p", target.pid, *collect, name=f"{name}-{target.pid}.pamcap", timeout=seconds + TIMEOUT)
        return target.truth(), path

    def convert(self, path, *options, status=0, **more):
        result = run(CONVERT, *options, path, **more)
        self.assertEqual(result.status, status, result.err)
        return result


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody of its group is left
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


# --- captures as data ---

Record = collections.namedtuple("Record", "time type fields")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def dump(path):
    """The records of a capture; time is in seconds since its start."""
    records = []
    for line in run(CONVERT, "-q", "-f", "dump", path).out.decode("utf-8", "replace").split("\n"):
        if not line or line.startswith("--"):
            continue
        at, kind, *rest = line.split(None, 2)
        fields = {}
        for key, value in FIELD.findall(rest[0] if rest else ""):
            fields[key] = json.loads(value) if value.startswith('"') else int(value) if value.isdigit() else value
        records.append(Record(float(at), kind, fields))
    return records


def of_type(records, kind):
    return [record for record in records if record.type == kind]


def health(path):
    return of_type(dump(path), "health")[-1].fields


def collapsed(path, weight="wall", options=()):
    """A list of (frames from the root, weight); the first two frames are process and thread."""
    lines = run(CONVERT, "-q", "-f", "collapsed", "--weight", weight, *options, path).out.decode().splitlines()
    return [(line.rpartition(" ")[0].split(";"), int(line.rpartition(" ")[2])) for line in lines]


def csv_rows(path, columns="monitor"):
    """The rows as dictionaries of text."""
    lines = run(CONVERT, "-q", "-f", "csv", "--columns", columns, path).out.decode().split("\r\n")
    return [dict(zip(lines[0].split(","), line.split(","))) for line in lines[1:-1]]


class Speedscope:
    """The profiles of a speedscope document; stacks are tuples of frame names from the root."""

    def __init__(self, text):
        self.document = json.loads(text)
        self.frames = self.document["shared"]["frames"]
        self.profiles = self.document["profiles"]
        self.names = [profile["name"] for profile in self.profiles]

    def stacks(self, profile):
        for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
            yield tuple(self.frames[frame]["name"] for frame in sample), weight

    def thread(self, tid):
        return next(profile for profile in self.profiles if profile["name"].endswith(f" ({tid})"))


@functools.lru_cache(4)
def speedscope(path):
    return Speedscope(run(CONVERT, "-q", "-f", "speedscope", path).out)


def time_of(path, tid, functions):
    """Weight of a thread's stacks by the innermost of these functions in them, without those that have none."""
    sums = collections.Counter()
    for stack, weight in speedscope(path).stacks(speedscope(path).thread(tid)):
        inner = next((name for name in reversed(stack) if name in functions), None)
        if inner:
            sums[inner] += weight
    return sums
