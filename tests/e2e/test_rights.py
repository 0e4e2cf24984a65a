"""What the kernel allows and refuses to whom: each row of the table in docs/guide.md is tried, under its settings."""

import collections
import contextlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import unittest

import support

GUIDE = support.ROOT / "docs/guide.md"
SCOPE = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
PARANOID = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
SETTINGS = ((0, 1), (0, 2), (0, 3), (1, 2), (2, 3))  # (ptrace_scope, perf_event_paranoid)
NOBODY, OTHER = 65534, 1  # who runs pamcollect, and who else runs targets
PYTHON = "/usr/bin/python3.11"  # one that everybody may run: /root is closed to others
SOURCES = {1: "schedstat", 2: "every thread", 3: "perf"}  # by the `mode` of the capture
COUNTS_FILES = tuple(map(int, platform.release().split(".")[:2])) >= (6, 2)  # whose number is told to everyone
# A process with a named thread and a child; it may forbid being read.
SCRIPT = """
import ctypes, json, os, subprocess, sys, threading, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(%(seconds)s)"])
if %(forbids)s:
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
def poll():
    while True:
        time.sleep(0.01)
threading.Thread(target=poll, name="poller", daemon=True).start()
print(json.dumps({"pid": os.getpid(), "child": child.pid}), flush=True)
child.wait()
"""
# Opens the event of perf.c for itself, as nobody who has no rights.
OPENS_PERF = f"""
import ctypes, struct, sys
attr = struct.pack("IIQQQQQ", 1, 112, 9, 0, 0, 0, 1 << 5).ljust(112, b"\\0")  # software, dummy, exclude_kernel
sys.exit(ctypes.CDLL(None).syscall({241 if platform.machine() == "aarch64" else 298}, attr, 0, -1, -1, 8) < 0)
"""

Row = collections.namedtuple("Row", "run_by capabilities scope paranoid status source io native says")
Who = collections.namedtuple("Who", "uid target", defaults=(None,))
# What is said of native stacks, by the column of the guide's table; what they are less than all.
SAYS_OF_NATIVE = {"all": "", "own code": "in the kernel or wait for a CPU", "running": "only of threads that run in their own code"}
# The first column of the guide's table: who runs pamcollect, on which of the targets.
WHO = {
    "root": Who(0, "other's"),
    "root in a container": Who(0, "other's"),
    "the process's user": Who(NOBODY, "own"),
    "its user, but it forbids it": Who(NOBODY, "forbids"),
    "another user": Who(NOBODY, "other's"),
    "`pamcollect -- COMMAND`": Who(NOBODY),
}


def rows_of_guide():
    """The rows of the table, with a row for each of the alternatives that one names."""
    section = re.search(r"^## Rights\n(.*?)^## ", GUIDE.read_text(encoding="utf-8"), re.M | re.S)[1]
    for line in re.findall(r"^\| (.*) \|$", section, re.M)[2:]:
        row = Row(*(cell.strip() for cell in re.split(r" ?\| ?", line)))
        for capabilities in row.capabilities.split(" or "):
            yield row._replace(capabilities=capabilities.replace("`", ""))


def covers(cell, value):
    """Whether a setting is what a cell names: `any`, `≤ 2`, `3`."""
    return cell == "any" or (value <= int(cell[2:]) if cell.startswith("≤ ") else value == int(cell))


def as_user(uid):
    return [support.need_tool("setpriv"), "--reuid", str(uid), "--regid", str(uid), "--clear-groups"] if uid else []


def without(capabilities):
    missing = ",".join("-" + name.removeprefix("cap_") for name in capabilities.split(","))
    return [support.need_tool("setpriv"), "--bounding-set", missing, "--inh-caps", missing]


@contextlib.contextmanager
def kernel_settings():
    """Settings may be changed: a shell waits for the end of this, be it by SIGKILL, and restores them."""
    paths = [path for path in (SCOPE, PARANOID) if path.exists()]
    script = "cat >/dev/null; " + "; ".join(f"echo {path.read_text().strip()} >{path}" for path in paths)
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, start_new_session=True):
        yield


class Rights(support.Case):
    """By a copy of pamcollect in a folder that everyone may use, as another user than root."""

    def setUp(self):
        super().setUp()
        support.need_root("become another user")
        if not os.access(PYTHON, os.X_OK):
            self.skipTest(f"no {PYTHON}, and Pythons under /root are not for everyone")
        self.folder.chmod(0o777)
        self.path = self.folder / "c.pamcap"

    def program(self, capabilities=""):
        """A copy of pamcollect that has these."""
        path = self.folder / f"pamcollect {capabilities}".strip()
        if path.exists():
            return path
        shutil.copy(support.COLLECT, path)
        setcap = shutil.which("setcap", path="/usr/sbin:/sbin:/usr/bin")
        if capabilities and not (setcap and support.run(setcap, capabilities + "+ep", path).status == 0):
            path.unlink()
            self.skipTest("setcap is not installed or does not work on this file system")
        return path

    def command(self, seconds, forbids=False, python=PYTHON):
        return [python, "-c", SCRIPT % {"seconds": seconds, "forbids": forbids}, self.folder.name]

    def start_target(self, uid, **options):
        target = support.Target([*as_user(uid), *self.command(900, **options)])
        self.addCleanup(target.end)
        self.addCleanup(os.kill, target.ready["child"], 9)
        return target

    def test_by_its_command_line(self):
        """The candidates' executables cannot be read then; it must not say that there is none."""
        pid = self.start_target(OTHER).pid
        result = support.run(*as_user(NOBODY), self.program(), "--match", self.folder.name, "-o", self.path)
        self.assertEqual(result.status, 4, result.err)
        for word in (str(pid), "daemon", "nobody", "sudo", "setcap cap_sys_ptrace"):
            self.assertIn(word, result.err)
        self.assertFalse(self.path.exists())

    def copy_only_for_root(self, program):
        copy = pathlib.Path(shutil.copy(program, self.folder))
        copy.chmod(0o700)
        return copy

    def collect_as_nobody(self, pid, capabilities, status):
        command = (self.program(capabilities), "-p", pid, "-d", "0.3", "-o", self.path)
        result = support.run(*as_user(NOBODY), *command)
        self.assertEqual(result.status, status, result.err)
        return result.err

    def test_python_that_may_not_be_read(self):
        """Who may read its memory needs not its file."""
        pid = self.start_target(0, python=self.copy_only_for_root(PYTHON)).pid
        self.collect_as_nobody(pid, "cap_sys_ptrace", 0)
        self.assertIn("time.sleep [C]", {frame["name"] for frame in support.speedscope(self.path).frames})

    def test_program_that_may_not_be_read(self):
        """It could be a Python that only its file shows; the message's advice is tried."""
        pid = self.start(self.copy_only_for_root(support.need_tool("sleep")), "60").pid
        advice = "sudo setcap cap_sys_ptrace,cap_dac_read_search+ep"
        self.assertIn(advice, self.collect_as_nobody(pid, "cap_sys_ptrace", 4))
        self.assertIn("not Python", self.collect_as_nobody(pid, "cap_sys_ptrace,cap_dac_read_search", 3))

    def test_waits_that_may_not_be_read(self):
        """Memory may be read, the files of another user's process may not: that is said once."""
        pid = self.start_target(OTHER).pid
        command = (self.program("cap_sys_ptrace"), "-p", pid, "-d", "1", "-o", self.path)
        result = support.run(*as_user(NOBODY), *command)
        self.assertEqual(result.status, 0, result.err)
        records = support.dump(self.path)
        (insight,) = [r.fields for r in support.of_type(records, "insight") if r.fields["pid"] == pid]
        self.assertIn("Permission denied", insight["no_waits"])
        self.assertTrue(insight["gil_address"])
        self.assertEqual(support.of_type(records, "wait"), [])

    def test_nobody_at_all(self):
        """A ptrace_scope of 3 cannot be taken back, so it is read from a file in the place of the real one."""
        pid = self.start_target(OTHER).pid
        script = """
            mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama || exit 77
            echo 3 > /proc/sys/kernel/yama/ptrace_scope
            exec "$0" "$@"
        """
        for prefix in (without("cap_sys_ptrace"), as_user(NOBODY)):
            result = support.run(
                *(support.need_tool("unshare"), "--mount", "sh", "-c", script),
                *(*prefix, self.program(), "-p", pid, "-d", "0.2", "-o", self.path),
            )
            if result.status == 77 or "unshare" in result.err:
                self.skipTest(f"nothing can be mounted over /proc/sys here: {result.err}")
            self.assertEqual(result.status, 4, result.err)
            self.assertIn("not even by root", result.err)
            self.assertNotIn("sudo", result.err)

    def test_unwritable_folder(self):
        closed = self.folder / "closed"
        closed.mkdir(mode=0o755)
        pid = self.start_target(NOBODY).pid
        command = (self.program("cap_sys_ptrace"), "-p", pid, "-d", "0.2", "-o", closed / "c.pamcap")
        result = support.run(*as_user(NOBODY), *command)
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("Permission denied", result.err)
        self.assertIn(str(closed / "c.pamcap"), result.err)

    def test_rows_of_the_guide(self):
        rows = list(rows_of_guide())
        self.assertEqual({row.run_by for row in rows}, set(WHO))
        self.targets = {
            "own": self.start_target(NOBODY),
            "forbids": self.start_target(NOBODY, forbids=True),
            "other's": self.start_target(OTHER),
        }
        with kernel_settings():
            for scope, paranoid in SETTINGS:
                if scope and not SCOPE.exists():
                    print(f"no Yama here: ptrace_scope = {scope} is not tried", flush=True)
                    continue
                self.set_kernel(scope, paranoid)
                known = min(paranoid, 2) if self.nobody_opens_perf() else paranoid
                print(f"ptrace_scope = {scope}, perf_event_paranoid = {paranoid}, known as {known}", flush=True)
                for who in dict.fromkeys((row.run_by, row.capabilities) for row in rows):
                    fitting = [row for row in rows if row[:2] == who]
                    fitting = [row for row in fitting if covers(row.scope, scope) and covers(row.paranoid, known)]
                    with self.subTest(who=who, scope=scope, paranoid=paranoid):
                        self.assertEqual(len(fitting), 1, "one row is for this, no more")
                        self.check_row(fitting[0])

    def set_kernel(self, scope, paranoid):
        try:
            PARANOID.write_text(str(paranoid), encoding="ascii")
            if SCOPE.exists():
                SCOPE.write_text(str(scope), encoding="ascii")
        except OSError as error:
            self.skipTest(f"kernel settings cannot be changed here: {error}")

    def nobody_opens_perf(self):
        """Kernels that do not know a perf_event_paranoid of 3 refuse nothing more then."""
        return support.run(*as_user(NOBODY), PYTHON, "-c", OPENS_PERF).status == 0

    def check_row(self, row):
        self.path.unlink(missing_ok=True)
        who = WHO[row.run_by]
        prefix, program = as_user(who.uid), self.program()
        if row.capabilities.startswith("all but "):
            prefix = without(row.capabilities.removeprefix("all but "))
        elif row.capabilities not in ("all", "none"):
            program = self.program(row.capabilities)
        target = self.targets.get(who.target)
        what = ["-p", target.pid, "-d", "0.6"] if target else ["--", *self.command(1.2)]
        if row.native:
            self.check_native(row, [*prefix, program, "--native", "-o", self.path, *what])
            self.path.unlink(missing_ok=True)
        result = support.run(*prefix, program, "-i", "0.2", "-o", self.path, *what)
        self.assertEqual(result.status, int(row.status), result.err)
        for words in re.findall("`([^`]+)`", row.says):
            self.assertIn(words, result.err)
        if "perf_event" not in row.says:
            self.assertNotIn("perf_event", result.err)
        if result.status:
            self.assertFalse(self.path.exists())
            self.assertIn("pamcollect: process", result.err)
        else:
            self.assertEqual(self.path.stat().st_uid, who.uid)
            self.check_capture(row)

    def check_native(self, row, command):
        result = support.run(*command)
        if row.native == "refused":
            self.assertEqual(result.status, 4 if "-p" in command else 125, result.err)
            self.assertIn("perf_event_paranoid is 3", result.err)
            return
        self.assertEqual(result.status, 0, result.err)
        says = SAYS_OF_NATIVE[row.native]
        self.assertEqual(result.err.count("native stacks"), bool(says), result.err)
        self.assertIn(says, result.err)
        records = support.dump(self.path)
        self.assertIn(says, support.of_type(records, "mode")[0].fields["reason"])
        target = next(record.fields["pid"] for record in support.of_type(records, "process") if record.fields.get("is_target"))
        threads = {record.fields["id"] for record in support.of_type(records, "thread") if record.fields["pid"] == target}
        natives = [record.fields for record in support.of_type(records, "native") if record.fields["thread"] in threads]
        waiting = any(native.get("flags", 0) & 4 for native in natives)
        self.assertEqual(waiting, row.native != "running", natives)

    def resources(self, records, pid):
        """All that was seen of a process: what costs much to read is not in each record."""
        seen = {}
        for record in support.of_type(records, "resource"):
            if record.fields["pid"] == pid:
                seen.update(record.fields)
        return seen

    def check_capture(self, row):
        records = support.dump(self.path)
        self.assertEqual(SOURCES[support.of_type(records, "mode")[0].fields["mode"]], row.source)
        processes = [record.fields for record in support.of_type(records, "process")]
        self.assertEqual(len({process["pid"] for process in processes}), 2, "the target and its child")
        for process in processes:
            seen = self.resources(records, process["pid"])
            self.assertTrue(seen["cpu_ns_plus1"] and seen["rss_bytes_plus1"], process)
        target = self.resources(records, next(process["pid"] for process in processes if process.get("is_target")))
        self.assertEqual("read_bytes_plus1" in target, row.io == "known")
        self.assertEqual("fds_plus1" in target, row.io == "known" or COUNTS_FILES)
        document = support.Speedscope(support.run(support.CONVERT, "-q", "-f", "speedscope", self.path).out)
        self.assertIn("poll", {frame["name"] for frame in document.frames})
        self.assertTrue(any(name.startswith("poller (") for name in document.names), document.names)


if __name__ == "__main__":
    unittest.main()
