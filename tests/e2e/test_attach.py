"""A target that ends while it is attached to: a finished capture or `no such target`, never a hang or a crash."""

import os
import random
import subprocess
import time
import unittest

import support


class Attach(support.Case):
    def test_exit_during_attach(self):
        """At any moment of its life, from exec over the start of Python to its end."""
        python = support.need_python()
        statuses = []
        for number in range(25):
            target = self.start(python, "-c", "import time; time.sleep(0.02)", stdout=subprocess.DEVNULL)
            time.sleep(random.uniform(0, 0.12))
            path = self.folder / f"{number}.pamcap"
            result = support.run(support.COLLECT, "-q", "-p", target.pid, "-o", path, timeout=10)
            self.assertIn(result.status, (0, 3), result.err)
            statuses.append(result.status)
            if result.status == 0:
                self.assertEqual(support.dump(path)[-1].type, "end")
            else:
                self.assertEqual(len(result.err.splitlines()), 1, result.err)
            target.wait(5)
        print(f"{statuses.count(0)} captures, {statuses.count(3)} without a target")

    def test_killed_while_it_is_captured(self):
        for pause in (0.05, 0.4, 1.05):
            target = self.target("tree", 20)
            path = self.folder / "killed.pamcap"
            collector = self.start(support.COLLECT, "-q", "-r", "2000", "-p", target.pid, "-o", path)
            support.wait_until(path.exists, what="the capture")
            time.sleep(pause)
            target.process.kill()
            self.assertEqual(collector.wait(5), 0)
            self.assertEqual(support.dump(path)[-1].fields["reason"], "the target exited")
            path.unlink()

    def test_becomes_another_program(self):
        """exec() into something that is no Python: the pid goes on, the stacks do not."""
        script = (
            "import os, time\nprint('{\"pid\": %d}' % os.getpid(), flush=True)\ntime.sleep(1)\n"
            "os.execvp('sleep', ['sleep', '1.5'])"
        )
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-q", "-p", target.pid, "-i", "0.2")
        records = support.dump(path)
        self.assertEqual(records[-1].fields["reason"], "the target exited")
        self.assertGreater(records[-1].time, 2.0)

    def test_stopped_target(self):
        """SIGSTOP: nothing runs, everything can be read, and the end comes when it is asked for."""
        pid = self.target("shares", 20).pid
        os.kill(pid, 19)
        started = time.monotonic()
        path = self.collect("-p", pid, "-d", "1")
        self.assertLess(time.monotonic() - started, 3)
        os.kill(pid, 18)
        self.assertIn("main", {frame["name"] for frame in support.speedscope(path).frames})
        self.assertEqual(float(support.csv_rows(path)[-1]["cpu_percent"]), 0)

    def test_two_collectors_at_once(self):
        target = self.target("sleepers", 20)
        paths = support.parallel(
            *(lambda name=name: self.collect("-p", target.pid, "-d", "2", name=name) for name in ("a", "b"))
        )
        for path in paths:
            self.assertGreater(support.health(path)["whole"], 50)


if __name__ == "__main__":
    unittest.main()
