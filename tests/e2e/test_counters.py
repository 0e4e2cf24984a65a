"""--event: counts of threads and processes against what the target knows and what perf says; refusals by name."""

import collections
import csv
import io
import os
import pathlib
import shutil
import subprocess
import unittest

import support

WRITES = "syscalls:sys_enter_write"
TRACEFS = pathlib.Path("/sys/kernel/tracing/events")
PARANOID = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
EVENTS = f"task-clock,{{page-faults,context-switches}}:S,{WRITES}"
DELAY_MS = int(1500 * support.SLOW)
NAMES = {"page-faults": "page-faults", "context-switches": "context-switches", "writes": WRITES}


def need_tracepoints():
    """Where nothing has mounted tracefs yet, this does, as perf does."""
    support.need_root("count tracepoints")
    if not TRACEFS.is_dir():
        support.run("mount", "-t", "tracefs", "none", TRACEFS.parent)
    if not (TRACEFS / "syscalls").is_dir():
        raise unittest.SkipTest("there is no tracefs")


def has_event(name):
    return support.run(support.COLLECT, "-p", os.getpid(), "-d", "0.01", "-e", name, "-o", "-").status != 1


def rows(path, *options):
    text = support.run(support.CONVERT, "-q", "-f", "csv-counters", *options, path).out.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def sums(path):
    """{(tid, or "" for the process; event): sum over the intervals}"""
    found = collections.Counter()
    for row in rows(path):
        found[row["tid"], row["event"]] += float(row["value"])
    return found


class Truth(support.Case):
    @classmethod
    def setUpClass(cls):
        need_tracepoints()
        case = cls.of_class()
        cls.truth, cls.path = case.capture_target(
            "counted", 1, "--delay-ms", DELAY_MS, "--rounds", 300, collect=["-i", "0.25", "-e", EVENTS]
        )
        cls.sums = sums(cls.path)

    def test_threads(self):
        """To the count, but for what a thread does between its own counting and its end."""
        for tid, told in self.truth["threads"].items():
            got = {key: self.sums[tid, name] for key, name in NAMES.items()}
            print(told["name"], {key: (told[key], got[key]) for key in NAMES})
            self.assertEqual(got["writes"], told["writes"])
            self.assertAlmostEqual(got["page-faults"], told["page-faults"], delta=30)
            self.assertAlmostEqual(got["context-switches"], told["context-switches"], delta=20)

    def test_process(self):
        told = self.truth["process"]
        got = {key: self.sums["", name] for key, name in NAMES.items()}
        print("process", {key: (told[key], got[key]) for key in NAMES})
        self.assertAlmostEqual(got["writes"], told["writes"], delta=2)  # and the truth itself
        # RUSAGE_SELF is before the last interval and the teardown of the interpreter.
        self.assertGreaterEqual(got["page-faults"], told["page-faults"])
        self.assertLess(got["page-faults"], 1.02 * told["page-faults"] + 300)

    def test_a_process_is_its_threads(self):
        threads = collections.Counter()
        for (tid, event), count in self.sums.items():
            threads[event] += count if tid else 0
        self.assertAlmostEqual(threads[WRITES], self.sums["", WRITES], delta=2)
        self.assertAlmostEqual(threads["task-clock"], self.sums["", "task-clock"], delta=0.05 * threads["task-clock"])

    def test_task_clock_is_the_cpu_time(self):
        cpu_s = collections.Counter()
        before = 0.0
        for row in support.csv_rows(self.path):
            at = float(row["elapsed_seconds"])
            cpu_s[""] += float(row["cpu_percent"] or 0) / 100 * (at - before)
            before = at
        self.assertAlmostEqual(self.sums["", "task-clock"] / 1e9, cpu_s[""], delta=0.05 + 0.1 * cpu_s[""])

    def test_nothing_is_scaled(self):
        for row in rows(self.path):
            self.assertEqual(row["counted_percent"], "100.00")

    def test_weights_by_event(self):
        """Page faults belong to who touched the pages: a quarter and three quarters of them."""
        weights = collections.Counter()
        for frames, weight in support.collapsed(self.path, "page-faults"):
            for name in (self.truth["few"], self.truth["many"], "make_faults"):
                if any(frame.startswith(name + " ") for frame in frames):
                    weights[name] += weight
                    break
        told = next(thread for thread in self.truth["threads"].values() if thread["name"] == "make_faults")
        print("by function:", dict(weights))
        self.assertAlmostEqual(sum(weights.values()), told["page-faults"], delta=0.02 * told["page-faults"])
        # What comes between two samples goes to one of them: a few ticks' worth may be the other function's.
        self.assertAlmostEqual(weights[self.truth["few"]], told["page-faults"] / 4, delta=0.05 * told["page-faults"])
        self.assertAlmostEqual(weights[self.truth["many"]], 3 * told["page-faults"] / 4, delta=0.05 * told["page-faults"])

    def test_speedscope_by_event(self):
        document = support.Speedscope(self.convert(self.path, "-f", "speedscope", "--weight", "page-faults").out)
        for profile in document.profiles:
            self.assertEqual(profile["unit"], "none")
            self.assertEqual(sum(profile["weights"]), profile["endValue"] - profile["startValue"])
        thread = next(tid for tid, told in self.truth["threads"].items() if told["name"] == "make_faults")
        counted = sum(weight for frames, weight in support.collapsed(self.path, "page-faults") if f"({thread})" in frames[1])
        self.assertEqual(sum(document.thread(thread)["weights"]), counted)

    def test_only_what_was_asked_for(self):
        for name in (WRITES, "task-clock", "page-faults:S", "nothing"):
            result = support.run(support.CONVERT, "-f", "collapsed", "--weight", name, self.path)
            self.assertEqual((result.status, result.out), (2, b""))
            self.assertIn(name, result.err)
        tid = next(iter(self.truth["threads"]))
        for row in rows(self.path, "--thread", rf"\({tid}\)"):
            self.assertEqual(row["tid"], tid)


class Churn(support.Case):
    def test_1000_short_threads(self):
        """They live for a moment, so most are never seen: the process has their counts."""
        need_tracepoints()
        truth, path = self.capture_target(
            "counted", 1, "--delay-ms", DELAY_MS, "--rounds", 1, "--short", 1000, collect=["-e", f"{WRITES},page-faults"]
        )
        got, threads = sums(path), collections.Counter()
        for (tid, event), count in got.items():
            threads[event] += count if tid else 0
        told = truth["process"]
        print(
            f"writes: {got['', WRITES]:.0f} in the process, {threads[WRITES]:.0f} in threads that were seen, in truth "
            f"{told['writes']}; page faults: {got['', 'page-faults']:.0f}, in truth {told['page-faults']} and teardown"
        )
        self.assertAlmostEqual(got["", WRITES], told["writes"], delta=2)
        self.assertGreaterEqual(got["", "page-faults"], told["page-faults"])
        self.assertLess(got["", "page-faults"], 1.02 * told["page-faults"] + 300)


class Children(support.Case):
    def test_a_child_is_counted_by_itself(self):
        """From when it was found on, a tick after its birth; its counts are not its parent's."""
        need_tracepoints()
        child = f"import os, time; time.sleep({DELAY_MS / 1000}); [os.write(out, b'x') for out in [os.open('/dev/null', 1)] for _ in range(400)]"
        script = f"""
import os, subprocess, sys, time
print('{{"pid": %d}}' % os.getpid(), flush=True)
time.sleep({DELAY_MS / 1000})
child = subprocess.Popen([sys.executable, "-c", {child!r}])
child.wait()
out = os.open("/dev/null", 1)
for _ in range(300):
    os.write(out, b"x")
time.sleep(0.1)
print('{{"truth": %d}}' % child.pid, flush=True)
"""
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-p", target.pid, "-e", WRITES)
        child = str(target.truth())
        counts = collections.Counter()
        for row in rows(path):
            counts[row["pid"], bool(row["tid"])] += float(row["value"])
        print("child:", counts[child, False], "parent:", counts[str(target.pid), False])
        self.assertEqual(counts[child, False], 400)
        self.assertEqual(counts[child, True], 400)
        self.assertAlmostEqual(counts[str(target.pid), False], 300, delta=5)


class Perf(support.Case):
    def test_side_by_side(self):
        """perf stat counts the same process at the same time."""
        need_tracepoints()
        perf = support.need_tool("perf")
        names = ["page-faults", "context-switches", WRITES]
        target = self.target("counted", 1, "--delay-ms", DELAY_MS, "--rounds", 300, "--short", 50)
        output = self.folder / "perf.csv"
        stat = self.start(perf, "stat", "-x,", "-o", output, "-e", ",".join(names), "-p", target.pid)
        path = self.collect("-p", target.pid, "-e", ",".join(names))
        target.truth()
        stat.wait(support.TIMEOUT)
        told = {}
        for line in output.read_text().splitlines():
            cells = line.split(",")
            if len(cells) > 2:
                told[cells[2]] = int(cells[0])
        got = sums(path)
        print({name: (told[name], got["", name]) for name in names})
        self.assertAlmostEqual(got["", WRITES], told[WRITES], delta=2)
        for name in ("page-faults", "context-switches"):
            self.assertAlmostEqual(got["", name], told[name], delta=0.02 * told[name] + 20)


class Hardware(support.Case):
    """Only where there is a PMU, as in the virtual machine of in-vm."""

    def setUp(self):
        super().setUp()
        if not has_event("cycles"):
            self.skipTest("this machine has no counter of cycles")

    def capture(self, events):
        target = self.target("shares", 4 * support.SLOW)
        path = self.collect("-p", target.pid, "-d", "3", "-e", events)
        return [row for row in rows(path) if not row["tid"]], path

    def test_cycles(self):
        found, _ = self.capture("cycles,{cycles:u}:S")
        for row in found[:-1]:
            print(row)
        busy = [float(row["per_second"]) for row in found if row["event"] == "cycles"]
        self.assertGreater(min(busy), 1e6)

    def test_more_than_there_are_counters(self):
        """They take turns: scaled, and said so, they come out like one that is counted all the time."""
        found, path = self.capture(",".join(["cycles"] * 20))
        found = [row for row in found if 0.9 < float(row["elapsed_seconds"]) < 2.5]  # the two that are whole
        for row in found:
            print(row["elapsed_seconds"], row["value"], row["counted_percent"])
        values = [float(row["per_second"]) for row in found]
        percents = [float(row["counted_percent"]) for row in found]
        self.assertGreaterEqual(len(found), 40)
        self.assertLess(min(percents), 90)
        self.assertGreater(min(percents), 5)
        counters = support.of_type(support.dump(path), "counter")
        self.assertFalse(all(counter.fields.get("whole_process") for counter in counters))
        middle = sorted(values)[len(values) // 2]
        for event in values:
            self.assertAlmostEqual(event, middle, delta=0.5 * middle)

    def test_instructions_per_cycle(self):
        if not has_event("instructions"):
            self.skipTest("this machine has no counter of instructions")
        found, _ = self.capture("{cycles,instructions}")
        by_event = collections.defaultdict(list)
        for row in found:
            by_event[row["event"]].append(float(row["value"]))
        self.assertEqual(set(by_event), {"cycles", "instructions", "IPC"})
        for cycles, instructions, ipc in zip(by_event["cycles"], by_event["instructions"], by_event["IPC"]):
            print(f"{instructions:.0f} instructions in {cycles:.0f} cycles: {ipc}")
            self.assertAlmostEqual(ipc, instructions / cycles, delta=0.001)
            self.assertGreater(ipc, 0.1)


class Refusals(support.Case):
    def refuse(self, events, status, *words):
        path = self.folder / "c.pamcap"
        marker = self.folder / "started"
        for target in (["-p", os.getpid()], ["--", "touch", marker]):
            result = support.run(support.COLLECT, "-d", "0.1", "-e", events, "-o", path, *target)
            self.assertEqual(result.status, status if target[0] == "-p" else 125, result.err)
            for word in words:
                self.assertIn(word, result.err)
            self.assertFalse(path.exists())
            self.assertFalse(marker.exists())

    def test_by_name_before_anything_starts(self):
        self.refuse("page-faults,no-such-event", 1, "cannot count 'no-such-event'", "--event list")
        self.refuse("no_such:event", 1 if os.geteuid() == 0 else 4, "cannot count 'no_such:event'", "tracepoint")
        if not has_event("cycles"):
            self.refuse("task-clock,{page-faults,cycles}", 1, "cannot count 'cycles'", "hypervisor", "--event list")

    def collect_where(self, hide, events):
        """With mounts of its own, after the shell commands `hide`."""
        command = (support.COLLECT, "-p", os.getpid(), "-d", "0.1", "-e", events, "-o", self.folder / "c.pamcap")
        return support.run(support.need_tool("unshare"), "-m", "sh", "-c", hide + '; exec "$@"', "sh", *command)

    def test_without_libpfm4(self):
        """Generic names, raw numbers and tracepoints need no library."""
        support.need_root("hide a library")
        library = next(iter(sorted(pathlib.Path("/usr/lib").glob("*-linux-gnu/libpfm.so.4*"))), None)
        if not library:
            self.skipTest("libpfm4 is not installed")
        hide = f'for lib in {library.parent}/libpfm.so.4*; do mount --bind /dev/null "$lib"; done'
        result = self.collect_where(hide, "arm_ac53::CPU_CYCLES")
        self.assertEqual(result.status, 1)
        for word in ("'arm_ac53::CPU_CYCLES'", "libpfm4", "install"):
            self.assertIn(word, result.err)
        self.assertEqual(self.collect_where(hide, "page-faults,task-clock:u").status, 0)

    def test_without_tracefs(self):
        """It is said what to mount; what is no tracepoint does not need it."""
        support.need_root("hide tracefs")
        hide = "mount -t tmpfs none /sys/kernel/tracing; mount -t tmpfs none /sys/kernel/debug"
        result = self.collect_where(hide, "sched:sched_switch")
        self.assertEqual(result.status, 1)
        for word in ("'sched:sched_switch'", "is not mounted", "mount -t tracefs none /sys/kernel/tracing"):
            self.assertIn(word, result.err)
        self.assertEqual(self.collect_where(hide, "page-faults").status, 0)

    def test_by_rights(self):
        """Who may not count in the kernel is told so, and what he may count, he can."""
        support.need_root("become another user")
        setpriv, python = support.need_tool("setpriv"), pathlib.Path("/usr/bin/python3.11")
        if PARANOID.read_text().strip() != "2" or not python.exists():
            self.skipTest("needs kernel.perf_event_paranoid 2 and a Python that is open to everyone")
        self.folder.chmod(0o777)
        program = self.folder / "pamcollect"
        shutil.copy(support.COLLECT, program)
        nobody = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        target = self.start(*nobody, python, "-c", "import time; time.sleep(60)", stdout=subprocess.DEVNULL)
        support.wait_until(lambda: os.stat(f"/proc/{target.pid}").st_uid == 65534)

        def collect(events):
            return support.run(
                *nobody, program, "-p", target.pid, "-d", "0.2", "-e", events, "-o", self.folder / "c.pamcap", cwd=self.folder
            )

        result = collect("page-faults")
        self.assertEqual(result.status, 4, result.err)
        for word in ("cannot count 'page-faults'", "perf_event_paranoid is 2", "NAME:u", "cap_perfmon"):
            self.assertIn(word, result.err)
        self.assertFalse((self.folder / "c.pamcap").exists())
        need_tracepoints()
        result = collect("sched:sched_wakeup")
        self.assertEqual(result.status, 4, result.err)
        self.assertIn("/sys/kernel/tracing", result.err)
        result = collect("page-faults:u")
        self.assertIn(result.status, (0, 4), result.err)  # 4 where Yama keeps him from the stacks


class List(support.Case):
    def test_list(self):
        result = support.run(support.COLLECT, "--event", "list", cwd=self.folder)
        self.assertEqual((result.status, result.err), (0, ""))
        names = {line.split()[0] for line in result.out.decode().splitlines() if line.startswith("  ")}
        self.assertLessEqual({"task-clock", "page-faults", "context-switches", "cpu-migrations"}, names)
        if os.geteuid() == 0 and (TRACEFS / "sched").is_dir():
            self.assertLessEqual({"sched:sched_wakeup", "sched:sched_switch"}, names)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_it_lists_can_be_counted(self):
        """Every generic name, and a tracepoint of each subsystem."""
        listed = support.run(support.COLLECT, "--event", "list").out.decode().splitlines()
        names = [line.strip() for line in listed if line.startswith("  ") and len(line.split()) == 1]
        subsystems = {name.partition(":")[0]: name for name in names if ":" in name}
        chosen = [name for name in names if ":" not in name] + list(subsystems.values())
        for first in range(0, len(chosen), 20):
            self.collect("-p", os.getpid(), "-d", "0.05", "-e", ",".join(chosen[first : first + 20]))


class Off(support.Case):
    def test_nothing_is_loaded_without(self):
        """Neither the library nor a counter."""
        for number, options in enumerate(([], ["-e", "page-faults"])):
            path = self.folder / f"{number}.pamcap"
            process = self.start(support.COLLECT, "-q", "-p", self.sleeper(), "-o", path, *options)
            support.wait_until(lambda: path.exists() and path.stat().st_size > 500, what="the first block")
            self.assertNotIn("libpfm", pathlib.Path(f"/proc/{process.pid}/maps").read_text())
            process.terminate()
            process.wait()
            self.assertEqual(bool(support.of_type(support.dump(path), "counter")), bool(options))


if __name__ == "__main__":
    unittest.main()
