"""Processes in one capture: each child with its stacks, its command line, its birth and its exit."""

import collections
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

import support

RESTS = 5  # of a target that has children: malloc() keeps more at one than at another, a leak grows each time
VERSIONS = ("3.11", "3.12", "3.13")
ATTACHED = 0.1 * (support.SLOW - 1)  # seconds that an emulated board takes longer to find and read what was born


def processes(records):
    """By pid: the last process record, how many there are, and the exit."""
    found = {}
    for record in records:
        if record.type in ("process", "process_exit"):
            entry = found.setdefault(record.fields["pid"], {"records": 0, "exit": None, "born": record.time})
            if record.type == "process":
                found[record.fields["pid"]] = {**record.fields, "records": entry["records"] + 1, "exit": entry["exit"],
                                               "born": entry["born"]}
            else:
                entry["exit"] = record
    return found


class Processes(support.Case):
    def seconds_in(self, path, pid, function, file=""):
        return sum(
            microseconds / 1e6
            for stack, microseconds in support.collapsed(path)
            if stack[0].startswith(f"process {pid}") and any(frame.startswith(f"{function} ({file}") for frame in stack)
        )

    def test_family(self):
        """fork, spawn, forkserver, exec, a grandchild, one that is no Python, a zombie: on each version."""
        for version in VERSIONS:
            with self.subTest(version=version):
                python = support.find_python(version)
                if not python:
                    print(f"no Python {version} here")
                    continue
                self.check_family(*self.capture_target("family", 4.5, python=python))

    def check_family(self, truth, path):
        found = processes(support.dump(path))
        for child in truth["children"]:
            told = found[child["pid"]]
            print(child, {key: told.get(key) for key in ("command_line", "python_version")})
            if child.get("function"):
                seconds = self.seconds_in(path, child["pid"], child["function"])
                self.assertAlmostEqual(seconds, child["seconds"], delta=0.1 * child["seconds"] + ATTACHED, msg=str(child))
                self.assertGreater(told["python_version"], 0x030B0000)
            if child["started"] == "exec":
                self.assertIn("family.py --exec 1", told["command_line"])
            if child["started"] == "not Python":
                self.assertRegex(told["command_line"], r"^sleep ")
                self.assertNotIn("python_version", told)
            exit_record = told["exit"]
            self.assertIsNotNone(exit_record, child)
            status = exit_record.fields.get("status_plus1")  # unknown when its parent was faster than a tick
            if status and child["status"] is not None:
                self.assertEqual(os.waitstatus_to_exitcode(status - 1), child["status"], child)
        zombie = next(child for child in truth["children"] if child["started"] == "zombie")
        told = found[zombie["pid"]]
        self.assertEqual(told["exit"].fields["status_plus1"], 1 + (5 << 8))
        start = support.of_type(support.dump(path), "session")[0].fields["start_monotonic_ns"] / 1e9
        late = start + told["exit"].time - zombie["ended"]
        self.assertTrue(-0.02 < late < 0.1 * support.SLOW, late)  # told when it ended, not when it was reaped
        target = next(pid for pid, entry in found.items() if entry.get("is_target"))
        grandchild = next(child for child in truth["children"] if child["started"] == "grandchild")
        self.assertNotEqual(found[grandchild["pid"]]["parent_pid"], target)

    def test_births(self):
        """A hundred a second: none is missed, and none leaves anything behind."""
        target = self.target("births", 3 * RESTS, "--rests", RESTS, "--rest-ms", 1600)
        path = self.folder / "births.pamcap"
        collector = self.start(support.COLLECT, "-q", "-p", target.pid, "-o", path)
        rests = [self.rest_of(collector.pid, target.pid) for _ in range(RESTS)]
        truth = target.truth()
        self.assertEqual(collector.wait(support.TIMEOUT), 0)
        found = processes(support.dump(path))
        born = [pid for pid in truth["children"] if pid in found]
        gone = [pid for pid in born if found[pid]["exit"]]
        passing = [pid for pid in born if not found[pid].get("start_ticks")]
        size = path.stat().st_size
        print(f"{len(truth['children'])} children, {len(born)} in the capture, {len(gone)} exits, {len(passing)} that "
              f"lived for less than a tick; {size} bytes; memory and files in the rests: {rests}")
        first_seen = min(found[pid]["born"] for pid in born)
        self.assertLess(first_seen, 1)
        self.assertEqual(set(truth["children"][20:]) - set(born), set())
        self.assertGreaterEqual(len(gone), len(born) - 3)  # the last end with the target
        memory_kb, files = zip(*rests)
        grown_kb = min(late - early for early, late in zip(memory_kb, memory_kb[1:]))
        self.assertLess(grown_kb, len(born) / RESTS * 0.5)
        self.assertEqual(min(files), max(files))
        health = support.health(path)
        self.assertEqual(health.get("processes_left_out", 0), 0)
        self.assertLess(size / len(born), 1000)

    def test_gone_at_once(self):
        """Born and gone between two ticks, on whichever CPU, and not reaped: that each ended is told when it did."""
        steps = "import json, os, time\nprint(json.dumps({'pid': os.getpid()}), flush=True)\ntime.sleep(0.5)\nended = {}\n" \
                "for _ in range(200):\n    reader, writer = os.pipe()\n    pid = os.fork()\n    if pid == 0:\n" \
                "        os.write(writer, str(time.monotonic()).encode())\n        os._exit(5)\n" \
                "    ended[pid] = float(os.read(reader, 100))\n    os.close(reader)\n    os.close(writer)\n    time.sleep(0.02)\n" \
                "time.sleep(1.2)\nprint(json.dumps({'truth': {'ended': ended}}))"
        target = support.Target([support.need_python(), "-c", steps])
        self.addCleanup(target.end)
        records = support.dump(self.collect("-q", "-p", target.pid))
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        ended = {int(pid): at for pid, at in target.truth()["ended"].items()}
        late = [start + record.time - ended[record.fields["pid"]] for record in support.of_type(records, "process_exit")
                if record.fields["pid"] in ended]
        print(f"{len(late)} exits, the last of them told {max(late):.3f} s late")
        self.assertEqual(len(late), len(ended))
        self.assertLess(max(late), 0.1 * support.SLOW)

    def rest_of(self, pid, target):
        """What pid has allocated, in kilobytes, and its open descriptors, when the target has had no child for longer than an interval."""
        def children():
            return pathlib.Path(f"/proc/{target}/task/{target}/children").read_text("ascii")

        def rests():
            return not any((time.sleep(0.05), children())[1] for _ in range(26))

        support.wait_until(children, what="a child")
        support.wait_until(rests, what="an interval without children")
        status = pathlib.Path(f"/proc/{pid}/status").read_text("ascii")
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1]), len(os.listdir(f"/proc/{pid}/fd"))

    def test_orphan(self):
        """A child goes on being watched when its parent in the middle has gone."""
        script = ("import os, time\nprint('{\"pid\": %d}' % os.getpid(), flush=True)\ntime.sleep(0.5)\n"
                  "if os.fork() == 0:\n  if os.fork() == 0:\n    end = time.monotonic() + 2\n"
                  "    while time.monotonic() < end: sum(range(300))\n  os._exit(0)\nos.wait()\ntime.sleep(3)")
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-q", "-p", target.pid, "-d", "3")
        children = {pid: entry for pid, entry in processes(support.dump(path)).items() if not entry.get("is_target")}
        self.assertEqual(len(children), 2)
        orphan = max(children)
        self.assertAlmostEqual(self.seconds_in(path, orphan, "<module>"), 2, delta=0.2 + ATTACHED)

    def test_namespaces(self):
        """A process of a container, seen from the host: its own ids are others, and so is its root."""
        support.need_tool("unshare")
        support.need_root("makes namespaces")
        program = support.TARGETS / "churn.py"
        outer = self.start("unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", support.need_python(),
                           program, "--seconds", 4, stdout=subprocess.PIPE)
        outer.stdout.readline()
        inner = int(open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii").read())
        path = self.collect("-q", "-p", inner, "-d", "2")
        health = support.health(path)
        print(f"{health['wanted']} samples, {health.get('whole', 0)} whole, {health.get('no_frame', 0)} without frame")
        self.assertGreater(health["wanted"], 100)
        self.assertLessEqual(health.get("failed", 0), 0.05 * health["wanted"] + 2)
        threads = {record.fields["tid"]: record.fields for record in support.of_type(support.dump(path), "thread")}
        self.assertGreater(len(threads), 2)
        self.assertIn(inner, threads)

    def test_follow(self):
        """Restarts of a service are one capture, with each start's stacks."""
        script = self.folder / "restarted_service.py"
        script.write_text("import os, time\nbegin = time.monotonic()\nwhile time.monotonic() < begin + 1.2: time.sleep(0.001)\n"
                          "print(os.getpid(), time.monotonic() - begin)\n")
        path = self.folder / "follow.pamcap"
        collector = self.start(support.COLLECT, "--match", script, "--wait", "--follow", "-i", "0.2", "-o", path,
                               stderr=subprocess.PIPE)
        truth = {}
        for _ in range(3):
            pid, seconds = subprocess.check_output([support.need_python(), script]).split()
            truth[int(pid)] = float(seconds)
            time.sleep(0.5)
        collector.send_signal(signal.SIGINT)
        told = collector.communicate(timeout=support.TIMEOUT)[1].decode()
        self.assertEqual(collector.returncode, 0, told)
        targets = [entry for entry in processes(support.dump(path)).values() if entry.get("is_target")]
        self.assertEqual(len(targets), 3)
        for entry in targets:
            true = truth[entry["pid"]]
            seconds = self.seconds_in(path, entry["pid"], "<module>", script)
            print(f"process {entry['pid']}: {seconds:.2f} s of {true:.2f} s in its stacks")
            self.assertLess(seconds, true + 0.03)
            self.assertGreater(seconds, true - 0.25 * support.SLOW)  # it is looked for every 0.1 s
            self.assertIsNotNone(entry["exit"])
        rows = support.csv_rows(path)
        gaps = [float(b["elapsed_seconds"]) - float(a["elapsed_seconds"]) for a, b in zip(rows, rows[1:])]
        self.assertGreater(max(gaps), 0.5)  # while there is none, there are no rows

    def test_first_instruction(self):
        """What a command starts at once, and what is gone at once, is in the capture."""
        for _ in range(5):
            path = self.folder / "first.pamcap"
            result = support.run(support.COLLECT, "-q", "-o", path, "--", "sh", "-c", "/bin/true; /bin/true & /bin/true; wait; exit 9")
            self.assertEqual(result.status, 9, result.err)
            found = processes(support.dump(path)).values()
            self.assertEqual(len(found), 4, found)
            target = next(entry for entry in found if entry.get("is_target"))
            self.assertRegex(target["command_line"], r"exit 9$|^\[sh\]$")  # all in less than a tick

    def test_exec(self):
        """The target becomes another program, without and with Python: the capture goes on."""
        steps = f"import os, time; time.sleep(0.5); os.execvp('sh', ['sh', '-c', 'sleep 0.5; exec {sys.executable} -c \\\"" \
                "import time; time.sleep(1)\\\"'])"
        path = self.folder / "exec.pamcap"
        result = support.run(support.COLLECT, "-q", "-o", path, "--", support.need_python(), "-c", steps.replace('\\"', '"'))
        self.assertEqual(result.status, 0, result.err)
        records = support.dump(path)
        target = next(entry["pid"] for entry in processes(records).values() if entry.get("is_target"))
        versions = [bool(record.fields.get("python_version")) for record in support.of_type(records, "process")
                    if record.fields["pid"] == target]
        changes = [now for before, now in zip([None, *versions], versions) if now != before]
        print(f"Python or not, in time: {changes}")
        self.assertEqual(changes[-3:], [True, False, True])

    def test_exec_of_children(self):
        """Each program is looked at once, not again at each interval in which it has another name than the one before."""
        steps = "import os, time\n" \
                "for _ in range(6):\n" \
                "    if os.fork() == 0:\n" \
                "        time.sleep(0.5)\n" \
                "        os.execvp('sleep', ['sleep', '1'])\n" \
                "time.sleep(2)\n"
        path = self.folder / "exec.pamcap"
        result = support.run(support.COLLECT, "-q", "-i", "0.2", "-o", path, "--", support.need_python(), "-c", steps)
        self.assertEqual(result.status, 0, result.err)
        told = collections.defaultdict(list)
        for record in support.of_type(support.dump(path), "process"):
            told[record.fields["pid"]].append(record.fields)
        programs = [records for records in told.values() if not records[0].get("is_target")]
        self.assertEqual([records[-1]["command_line"] for records in programs], ["sleep 1"] * 6)
        again = sum(before == now for records in programs for before, now in zip(records, records[1:]))
        print(f"{again} of 6 told again")
        self.assertLessEqual(again, 1)  # looked at between execve() and the record of it


if __name__ == "__main__":
    unittest.main()
