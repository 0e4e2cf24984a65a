"""The real Petal App Manager, where its rig runs: on-CPU times against the threads' own clocks, shares against py-spy.

    ../shared/pam-rig/pam-rig start && ctest -R e2e.pam        ($PAM_RIG names another rig)
"""

import os
import pathlib
import subprocess
import time
import unittest

import support
import test_pyspy

RIG = pathlib.Path(os.environ.get("PAM_RIG", support.ROOT.parent / "shared/pam-rig/pam-rig"))
SECONDS = 60
SCENARIOS = ("idle-with-leaffc", "mission-execution")
SLACK = 0.01  # of a thread's CPU time ...
SLACK_SECONDS = 0.004  # ... and what it can use between the capture's ends and ours, for one that hardly runs


def clocks(pid):
    """CPU seconds by tid: the first field of schedstat is the thread's own clock."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            pass  # it ended
    return found


class Pam(test_pyspy.Against):
    def setUp(self):
        super().setUp()
        if not os.access(RIG, os.X_OK):
            self.skipTest(f"no rig with the real PAM at {RIG}")
        running = support.run(RIG, "pid")
        if running.status or not running.out.strip():
            self.skipTest(f"the rig does not run: {RIG} start")
        self.pid = int(running.out)

    def load(self, scenario, seconds):
        process = self.start(RIG, "load", scenario, seconds, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        return process

    def test_clocks(self):
        """Each thread's on-CPU time over a minute, as its samples add it up."""
        for scenario in SCENARIOS:
            with self.subTest(scenario=scenario):
                self.load(scenario, SECONDS + 10)
                path = self.folder / f"{scenario}.pamcap"
                collector = self.start(support.COLLECT, "-q", "-p", self.pid, "-d", SECONDS, "-o", path)
                support.wait_until(lambda: path.exists() and path.stat().st_size > 12, what="the first block")
                self.assertEqual(collector.wait(SECONDS + 30), 0)
                self.check_clocks(path)

    def check_clocks(self, path):
        """Between the first and the last reading of the clock that the capture has of each thread."""
        records = support.dump(path)
        tids = {record.fields["id"]: record.fields["tid"] for record in support.of_type(records, "thread")}
        python = {r.fields["id"] for r in support.of_type(records, "thread") if r.fields.get("has_python")}
        step = support.of_type(records, "mode")[0].fields["step_us"] / 1e6
        counted, first, last = {}, {}, {}
        for record in records:
            thread = record.fields.get("thread")
            if record.type == "thread_cpu":
                first.setdefault(thread, (record.time, record.fields["cpu_us"] / 1e6))
                last[thread] = (record.time, record.fields["cpu_us"] / 1e6)
            if record.type == "sample" and not record.fields.get("flags", 0) & 16:
                counted.setdefault(thread, []).append((record.time, record.fields.get("cpu_steps", 0) * step))
        worst = 0.0
        for thread in sorted(python & first.keys()):
            told = last[thread][1] - first[thread][1]
            inside = sum(cpu for at, cpu in counted.get(thread, ()) if first[thread][0] < at <= last[thread][0])
            error = abs(inside - told)
            worst = max(worst, error / told if told > 0.05 else 0)
            print(f"{tids[thread]:8} {told:9.4f} s on a CPU, samples {inside:9.4f} s")
            self.assertLessEqual(error, SLACK * told + SLACK_SECONDS)
        print(f"{path.stem}: at most {100 * worst:.2f} % of a thread's own clock")
        outer = clocks(self.pid)
        for thread in python & last.keys():
            if tids[thread] in outer:
                self.assertGreaterEqual(outer[tids[thread]], last[thread][1])

    def test_shares(self):
        support.need_tool("py-spy")
        for scenario in SCENARIOS:
            with self.subTest(scenario=scenario):
                wrong = self.take_turns_with_pam(scenario, 0)
                if wrong:
                    wrong &= self.take_turns_with_pam(scenario, test_pyspy.TURNS)
                self.assertEqual(wrong, set(), "these differ by more than 3 standard errors")

    def take_turns_with_pam(self, scenario, first):
        self.load(scenario, 2 * test_pyspy.TURNS * (test_pyspy.SECONDS + 4))
        return self.compare(self.pid, first)

    def test_main_first(self):
        """The viewer shows the main thread first, "all threads" last, and PAM's workers by name."""
        path = self.collect("-p", self.pid, "-d", "5")
        names = support.speedscope(path).names
        self.assertEqual(names[0], f"MainThread ({self.pid})")
        self.assertEqual(names[-1], "all threads")
        self.assertTrue(any(name.startswith("MavLinkExternalProxy-Recv") for name in names), names)
        self.assertTrue(any(name.startswith("RedisProxy") for name in names), names)

    def test_found_by_itself(self):
        path = self.folder / "found.pamcap"
        result = support.run(support.COLLECT, "-d", "1", "-o", path)
        self.assertEqual(result.status, 0, result.err)
        self.assertIn(f"process {self.pid} ", result.err)


if __name__ == "__main__":
    unittest.main()
