"""Walks of pending asyncio tasks (--tasks): each task, its chain of awaits and what it waits for, as the target tells."""

import os
import pathlib
import re
import sys
import unittest

import support

SECONDS = 3
STATES = {"waits": "waits", "is ready to go on": "ready", "has not started": "not started", "runs": "runs"}
HEADER = re.compile(r"process (\d+): (\d+) pending tasks at ([\d.]+) s(.*)")
TITLE = re.compile(r"(.*?)(?: \((Task-\d+)\))?: ([a-z ]+?)(?:, for ([\d.]+) s or longer)?")


def parse(text):
    """The header's match, and by name: chain, awaitable, awaited, members, state and since."""
    header, *lines = text.splitlines()
    tasks, path = {}, []
    for line in filter(None, lines):
        depth, line = (len(line) - len(line.lstrip())) // 4, line.strip()
        if title := TITLE.fullmatch(line):
            del path[depth:]
            task = {"chain": [], "awaitable": None, "awaited": [], "members": [], "state": STATES.get(title[3])}
            task |= {"since": title[4], "under": "awaited"}
            if path:
                path[-1][path[-1]["under"]].append(title[1])
            path.append(task)
            if title[3] != "see above":
                tasks.setdefault(title[1], []).append(task)
        elif line == "in its TaskGroup:":
            path[depth - 1]["under"] = "members"
        elif line.startswith("awaits "):
            path[depth - 1]["awaitable"] = line.removeprefix("awaits ").rstrip(":")
        else:
            path[depth - 1]["chain"].append(line.rpartition(" (")[0])
    return HEADER.fullmatch(header), tasks


class Pending(support.Case):
    def walk(self, python, *options, seconds=SECONDS, duration=None, every=0.5, collect=(), **more):
        target = self.target("pending", seconds, *options, python=python, **more)
        path = self.collect("-p", target.pid, "--tasks", every, "-d", duration or seconds - 1, *collect)
        return target.truth(), path

    def check(self, python, *options, **more):
        truth, path = self.walk(python, *options, **more)
        header, tasks = parse(self.convert(path, "-q", "-f", "tasks").out.decode())
        last = support.of_type(support.dump(path), "task_walk")[-1].fields
        self.assertEqual(int(header[2]), last["tasks"])
        self.assertEqual(last["tasks"] + last.get("changed", 0), truth["pending"])
        self.assertEqual((last.get("unreadable", 0), last.get("left_out", 0)), (0, 0))
        self.assertEqual(sum(map(len, tasks.values())), last["tasks"])
        for name, expected in truth["tasks"].items():
            with self.subTest(task=name):
                (found,) = tasks[name]
                found["awaited"].sort()
                self.assertEqual({key: found[key] for key in expected}, expected)
                self.assertGreater(float(found["since"]), 0.9)
                self.assertLess(float(found["since"]), more.get("seconds", SECONDS) - 1)
        return truth, tasks, last

    def test_versions(self):
        for version, python in support.pythons():
            with self.subTest(python=version):
                self.check(python)

    def test_3_13_free_threaded(self):
        self.check(support.need_python("3.13t"))

    def test_3_14_free_threaded(self):
        self.check(support.need_python("3.14t"))

    def test_groups_of_anyio(self):
        """Its callbacks are closures and its instances have slots; it is pure Python, today for 3.10 and later."""
        packages = pathlib.Path(support.need_module("anyio").__file__).parent.parent
        tried = []
        for version, python in support.pythons(support.VERSIONS[2:]):
            with self.subTest(python=version):
                truth, *_ = self.check(python, "--anyio", 1, env={**os.environ, "PYTHONPATH": str(packages)})
                tried += [version] * ("has a group of anyio" in truth["tasks"])
        print("with anyio:", *tried)
        self.assertIn("3.11", tried)

    def test_uvloop(self):
        support.need_module("uvloop")
        self.check(sys.executable, "--uvloop", 1)

    def test_many_and_some_that_go_on(self):
        """Those that go on are told as they were at one instant, or counted."""
        # A walk of so many takes its time beside those that tick, and so does the start.
        times = {"seconds": SECONDS * support.SLOW, "duration": SECONDS * support.SLOW / 2 + 0.5}
        _, tasks, last = self.check(support.need_python("3.12"), "--many", 1000, "--ticking", 50, **times)
        for number in range(1000):
            (found,) = tasks[f"many {number}"]
            self.assertEqual(found["chain"], ["deep"] * (number % 5 + 1) + ["Event.wait"])
        ticking = [found for number in range(50) for found in tasks.get(f"ticks {number}", [])]
        self.assertEqual(len(ticking) + last.get("changed", 0), 50)
        for found in ticking:
            self.assertIn((found["state"], tuple(found["chain"])),
                          [("waits", ("ticks", "sleep")), ("ready", ("ticks", "sleep")), ("runs", ())])

    def test_the_walk_in_a_window(self):
        """The last one before --to, or none."""
        _, path = self.walk(support.need_python("3.11"))
        for window, least, most in ((["--to", "1.2"], 0.9, 1.2), (["--from", "0.4", "--to", "0.8"], 0.4, 0.8)):
            header, _ = parse(self.convert(path, "-q", "-f", "tasks", *window).out.decode())
            self.assertTrue(least <= float(header[3]) <= most, header[0])
        for options in (["--from", "0.1", "--to", "0.2"], ["--process", "1"]):
            text = self.convert(path, "-q", "-f", "tasks", *options).out.decode()
            self.assertTrue(text.startswith("no walk of pending tasks"), text)

    def test_without_the_option_there_are_none(self):
        target = self.target("pending", 2)
        path = self.collect("-p", target.pid, "-d", "1")
        records = support.dump(path)
        self.assertFalse([record for record in records if record.type in ("pending", "task_walk")])

    def test_a_process_without_asyncio(self):
        path = self.collect("-p", self.sleeper(4), "--tasks", "0.2", "-d", "1")
        self.assertFalse([record for record in support.dump(path) if record.type in ("pending", "task_walk")])

    def test_more_tasks_than_are_walked(self):
        _, path = self.walk(support.need_python("3.11"), "--many", 11000, seconds=8 * support.SLOW, every=0.8 * support.SLOW)
        walks = [record.fields for record in support.of_type(support.dump(path), "task_walk")]
        self.assertGreater(len(walks), 1)
        for walk in walks:
            self.assertEqual(walk["tasks"], 10000)
            self.assertGreater(walk["left_out"], 1000)


if __name__ == "__main__":
    unittest.main()
