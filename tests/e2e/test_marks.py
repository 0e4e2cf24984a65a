"""Markers, the window between them, waiting for a target, and finding it by its port."""

import signal
import subprocess
import time
import unittest

import support

LISTENS = """
import os, socket, time
server = socket.create_server(("127.0.0.1", 0))
print('{"pid": %d, "port": %d}' % (os.getpid(), server.getsockname()[1]), flush=True)
time.sleep(30)
"""


class Marks(support.Case):
    @classmethod
    def setUpClass(cls):
        """A capture of a busy target with marks at 0.5 and 1.5 s, and one by SIGUSR1 in between."""
        case = cls.of_class()
        cls.path = case.folder / "marks.pamcap"
        target = case.target("shares", 20)
        cls.pid = target.pid
        collector = case.start(
            support.COLLECT,
            "-q",
            "-p",
            cls.pid,
            "-d",
            "2",
            "-i",
            "0.1",
            "--mark=late@1.5",
            "--mark",
            "half @ way@0.5",
            "-o",
            cls.path,
        )
        time.sleep(1.2)
        collector.send_signal(signal.SIGUSR1)
        assert collector.wait(10) == 0
        target.end()

    def seconds(self, *options):
        return seconds_in(self.convert(self.path, "-q", "-f", "speedscope", *options).out)

    def test_markers(self):
        marks = support.of_type(support.dump(self.path), "marker")
        self.assertEqual(len(marks), 3)
        self.assertEqual([mark.fields["name"] for mark in (marks[0], marks[2])], ["half @ way", "late"])
        self.assertAlmostEqual(marks[0].time, 0.5, delta=0.1)
        self.assertGreater(marks[1].time, 0.6)
        self.assertLess(marks[1].time, 1.5)
        self.assertAlmostEqual(marks[2].time, 1.5, delta=0.1)

    def test_window(self):
        for options, expected in (
            (["--from", "0.5", "--to", "1.5"], 1.0),
            (["--from=half @ way", "--to=late"], 1.0),
            (["--from", "late"], 0.5),
            (["--to", "0.25"], 0.25),
            (["--from", "5"], 0),
            ([], 2.0),
        ):
            with self.subTest(options=options):
                self.assertAlmostEqual(self.seconds(*options), expected, delta=0.15)
        self.assertEqual(
            len(self.convert(self.path, "-f", "csv", "--from", "0.55", "--to", "1.05").out.splitlines()), 1 + 5
        )

    def test_marker_that_is_not_there(self):
        result = support.run(support.CONVERT, "-f", "speedscope", "--from", "nowhere", self.path)
        self.assertIn("nowhere", result.err)

    def test_threads_and_processes(self):
        self.assertAlmostEqual(self.seconds("--thread", r"^MainThread \("), 2.0, delta=0.15)
        self.assertEqual(self.seconds("--thread", "no such"), 0)
        self.assertAlmostEqual(self.seconds("--process", str(self.pid)), 2.0, delta=0.15)
        self.assertEqual(self.seconds("--process", "1"), 0)
        self.convert(self.path, "-f", "speedscope", "--thread", "(", status=2)

    def test_idle_and_on_cpu(self):
        path = self.collect("-p", self.target("sleepers", 20).pid, "-d", "3")
        totals = {
            options: seconds_in(self.convert(path, "-f", "speedscope", *options).out)
            for options in ((), ("--no-idle",), ("--on-cpu",))
        }
        cpu = sum(float(row["cpu_percent"]) for row in support.csv_rows(path)) / len(support.csv_rows(path)) / 100 * 3
        print(f"{totals}, CPU by the monitor {cpu:.2f} s")
        self.assertAlmostEqual(totals[()], 3, delta=0.2)
        self.assertLess(totals[("--no-idle",)], totals[()])
        self.assertGreater(totals[("--no-idle",)], 0.9 * totals[("--on-cpu",)])
        self.assertAlmostEqual(totals[("--on-cpu",)], cpu, delta=0.1 * cpu + 0.05)


class Waiting(support.Case):
    def wait_for(self, *options, **more):
        return self.start(
            support.COLLECT, "-d", "0.5", "-o", self.folder / "waited.pamcap", *options, stderr=subprocess.PIPE, **more
        )

    def test_target_appears(self):
        collector = self.wait_for("--match", "sleepers.py --seconds=19", "--wait=10")
        time.sleep(0.7)
        self.assertIsNone(collector.poll())
        self.assertFalse((self.folder / "waited.pamcap").exists())
        command = [support.need_python(), support.TARGETS / "sleepers.py", "--seconds=19"]
        self.start(*command, stdout=subprocess.DEVNULL)
        self.assertEqual(collector.wait(10), 0, collector.stderr.read())
        self.assertGreater(support.health(self.folder / "waited.pamcap")["whole"], 5)

    def test_time_is_over(self):
        started = time.monotonic()
        self.assertEqual(self.wait_for("--match", "nothing-like-this-runs-here", "--wait=0.7").wait(10), 3)
        self.assertAlmostEqual(time.monotonic() - started, 0.9, delta=0.4)

    def test_pid_that_is_not_there(self):
        self.assertEqual(self.wait_for("--pid", "999999999", "--wait=0.3").wait(10), 3)

    def test_ctrl_c_while_waiting(self):
        collector = self.wait_for("--match", "nothing-like-this-runs-here", "--wait")
        time.sleep(0.5)
        collector.send_signal(signal.SIGINT)
        self.assertNotEqual(collector.wait(5), 0)
        self.assertFalse((self.folder / "waited.pamcap").exists())

    def test_by_port(self):
        target = support.Target([support.need_python(), "-c", LISTENS])
        self.addCleanup(target.end)
        self.assertEqual(self.wait_for("--listen", target.ready["port"]).wait(10), 0)
        fields = support.of_type(support.dump(self.folder / "waited.pamcap"), "process")[0].fields
        self.assertEqual(fields["pid"], target.pid)
        self.assertIn(str(target.ready["port"]), fields["chosen_because"])
        target.end()
        self.assertEqual(self.wait_for("--listen", target.ready["port"]).wait(10), 3)


def seconds_in(document):
    """Of all threads together; a sample without frames is time that was left out."""
    document = support.Speedscope(document)
    return (
        sum(weight for profile in document.profiles[:-1] for stack, weight in document.stacks(profile) if stack) / 1e6
    )


if __name__ == "__main__":
    unittest.main()
