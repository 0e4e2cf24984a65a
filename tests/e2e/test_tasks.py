"""The asyncio task of each sample: shares of CPU time by task are those that the tasks measured themselves."""

import collections
import os
import subprocess
import sys
import unittest

import shares
import support

SECONDS = 6
RATE = 200
MARK = "task: "


def cpu_by_task(path):
    """By thread, CPU time of spin() by the task it is under."""
    sums = collections.defaultdict(collections.Counter)
    for frames, weight in support.collapsed(path, "cpu"):
        if any(frame.startswith("spin (") for frame in frames):
            tasks = [frame.removeprefix(MARK) for frame in frames if frame.startswith(MARK)]
            sums[frames[1].rpartition(" (")[0]][tasks[-1] if tasks else "[none]"] += weight
    return sums


class Tasks(support.Case):
    def check(self, python, *options, seconds=SECONDS):
        def measure():
            truth, path = self.capture_target("tasks", seconds, *options, python=python, collect=["-r", RATE])
            health, measured = support.health(path), cpu_by_task(path)
            self.assertEqual(measured.keys(), truth["tasks"].keys())
            # A task that ends between its stack and the look for it is told by nobody.
            unknown = sum(times.pop("[none]", 0) for times in measured.values())
            print(f"unknown: {health.get('tasks_unknown', 0)} of {health['wanted']} samples, {unknown / 1e6:.3f} s")
            self.assertLessEqual(health.get("tasks_unknown", 0), 0.01 * support.SLOW * health["wanted"])
            times, true = (
                {f"{thread}: {task}": time for thread, tasks in side.items() for task, time in tasks.items()}
                for side in (measured, truth["tasks"])
            )
            return shares.Shares(times, true, round(sum(true.values()) * RATE))

        shares.check_shares(self, measure)

    def test_versions(self):
        for version, python in support.pythons(support.VERSIONS):
            with self.subTest(python=version):
                self.check(python)

    def test_3_13_free_threaded(self):
        self.check(support.need_python("3.13t"))

    def test_3_14_free_threaded(self):
        self.check(support.need_python("3.14t"))

    def test_tasks_that_start_in_each_other(self):
        self.check(support.need_python("3.12"), "--eager", 1)

    def test_two_loops(self):
        """They take turns of the GIL: each is caught at half of the looks, and not in the same places of its turn."""
        self.check(support.need_python("3.11"), "--loops", 2, seconds=2 * SECONDS)

    def test_two_loops_beside_busy_neighbours(self):
        """What is preempted by others, for milliseconds, is looked at there all the same: it uses no CPU time."""
        for _ in os.sched_getaffinity(0):
            neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            self.addCleanup(neighbour.wait)
            self.addCleanup(neighbour.kill)
        self.check(support.need_python("3.11"), "--loops", 2, seconds=2 * SECONDS)

    def test_two_loops_without_a_gil(self):
        """Each thread has a running task, and a list of tasks, of its own."""
        self.check(support.need_python("3.14t"), "--loops", 2)

    def test_uvloop(self):
        support.need_module("uvloop")
        self.check(sys.executable, "--uvloop", 1)

    def test_where_the_task_stands(self):
        """Between the loop and the coroutine's outermost frame; in the window that a filter leaves, too."""
        _, path = self.capture_target("tasks", 2)
        unknown = support.health(path).get("tasks_unknown", 0)  # of tasks that ended before they were looked at
        for options in ([], ["--no-idle"], ["--on-cpu"]):
            text = self.convert(path, "-q", "-f", "speedscope", *options).out
            document = support.Speedscope(text)
            without = 0
            for stack, _ in document.stacks(document.profiles[0]):
                at = [i for i, name in enumerate(stack) if name.startswith(MARK)]
                if not at:
                    without += "spin" in stack
                    self.assertLessEqual(without, unknown, stack)
                    continue
                self.assertEqual(len(at), 1, stack)
                self.assertIn(stack[at[0] - 1], ("Handle._run", "BaseEventLoop._run_once", "Runner.run"), stack)
                outermost = {"named": "middle", "gathered": "leaf", "main": "main", "outer": "eager_outer",
                             "decorated_work": "decorated.<locals>.wrapper", "from_generator": "from_generator"}
                name = stack[at[0]].removeprefix(MARK)
                self.assertEqual(stack[at[0] + 1], outermost.get(name, stack[at[0] + 1]), stack)

    def test_a_pure_python_task_is_not_guessed(self):
        """Nor what another framework runs: no task, and counted."""
        script = """
import asyncio, json, os, time
async def spin():
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
async def main():
    await asyncio.tasks._PyTask(spin(), name="pure")
print(json.dumps({"pid": os.getpid()}), flush=True)
time.sleep(0.5)
coroutine = spin()
try:
    coroutine.send(None)
except StopIteration:
    pass
asyncio.run(main())
"""
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-p", target.pid)
        spins = [frames for frames, _ in support.collapsed(path, "cpu") if any(f.startswith("spin (") for f in frames)]
        self.assertTrue(spins)
        for frames in spins:
            self.assertFalse([frame for frame in frames if frame.startswith(MARK)], frames)
        health = support.health(path)
        self.assertGreater(health["tasks_unknown"], 0.8 * 400)

    def test_a_process_without_asyncio_pays_nothing(self):
        path = self.collect("-p", self.sleeper(4), "-d", "2", "-r", "100")
        self.assertNotIn("tasks_unknown", support.health(path))
        self.assertEqual(support.of_type(support.dump(path), "task"), [])


if __name__ == "__main__":
    unittest.main()
