"""Whatever ends a capture leaves it whole; only SIGKILL costs something, and that is the last second at most."""

import os
import signal
import time
import unittest

import support
from terminal import Terminal


class Endings(support.Case):
    def setUp(self):
        super().setUp()
        self.path = self.folder / "capture.pamcap"
        self.pid = self.target("sleepers", 30).pid

    def check_complete(self, reason, path=None):
        records = support.dump(path or self.path)
        self.assertEqual(records[-1].type, "end")
        self.assertRegex(records[-1].fields["reason"], reason)
        self.assertEqual(len(support.of_type(records, "end")), 1)
        self.assertGreater(len(support.of_type(records, "sample")), 10)
        self.assertEqual(self.convert(path or self.path, "-f", "collapsed").err, "")  # no warning

    def end_by(self, number):
        collector = self.start(support.COLLECT, "-q", "-p", self.pid, "-o", self.path)
        time.sleep(1.3)
        collector.send_signal(number)
        self.assertEqual(collector.wait(5), 0)

    def test_sigterm(self):
        self.end_by(signal.SIGTERM)
        self.check_complete("SIGTERM")

    def test_sighup(self):
        self.end_by(signal.SIGHUP)
        self.check_complete("SIGHUP")

    def test_sigint_alone(self):
        self.end_by(signal.SIGINT)
        self.check_complete("Ctrl-C")

    def test_ctrl_c_on_a_terminal(self):
        terminal = Terminal(support.COLLECT, "-p", self.pid, "-o", self.path, columns=60)
        self.addCleanup(terminal.close)
        time.sleep(2.3)
        terminal.press()
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.check_complete("Ctrl-C")
        self.assertIn("pamconvert --all", terminal.text)  # what to run next
        status = [line.split("\x1b")[0] for line in terminal.text.split("\r") if "own CPU" in line]
        self.assertTrue(status, terminal.text)
        for line in status:  # fields are left out whole, never cut
            self.assertLess(len(line), 60)
            self.assertRegex(line, r"^(\^C)?\d\d:\d\d:\d\d  CPU (-|[\d.]+%)  mem \d+ MiB  (\d+ failed  )?own CPU (-|[\d.]+%)")

    def test_terminal_is_closed(self):
        """The connection to the board breaks: SIGHUP, and messages go nowhere."""
        terminal = Terminal(support.COLLECT, "-p", self.pid, "-o", self.path)
        time.sleep(1.3)
        os.close(terminal.master)
        self.assertEqual(terminal.process.wait(5), 0)
        self.check_complete("SIGHUP")

    def test_duration(self):
        started = time.monotonic()
        result = support.run(support.COLLECT, "-p", self.pid, "-d", "1.5", "-o", self.path)
        self.assertEqual(result.status, 0, result.err)
        self.assertAlmostEqual(time.monotonic() - started, 1.75, delta=0.5)
        self.check_complete("duration")
        self.assertAlmostEqual(support.dump(self.path)[-1].time, 1.5, delta=0.1)

    def test_closed_pipe(self):
        """`| head -c 100` is an end like the others: no error, no hang, no message about it."""
        started = time.monotonic()
        result = support.run(
            "bash", "-c", f"{support.COLLECT} -q -p {self.pid} -d 10 | head -c 100 >/dev/null; echo ${{PIPESTATUS[0]}}"
        )
        self.assertEqual(result.out, b"0\n", result.err)
        self.assertEqual(result.err, "")
        self.assertLess(time.monotonic() - started, 5)

    def test_reader_that_never_reads(self):
        """A pipe that nobody empties must not stop us from ending."""
        collector = self.start(support.COLLECT, "-q", "-r", "5000", "-p", self.target("tree", 20).pid, stdout=-1)
        time.sleep(4)
        collector.send_signal(signal.SIGTERM)
        time.sleep(1)
        if collector.poll() is None:  # its last block waits for the reader: a second signal ends that
            collector.send_signal(signal.SIGTERM)
        self.assertIn(collector.wait(5), (0, -signal.SIGTERM, 128 + signal.SIGTERM))

    def test_sigkill_costs_the_last_second(self):
        collector = self.start(support.COLLECT, "-q", "-p", self.pid, "-o", self.path)
        time.sleep(3.4)
        killed = time.monotonic()
        collector.kill()
        collector.wait(5)
        result = self.convert(self.path, "-f", "dump")
        self.assertRegex(result.err, "warning.*ends early")
        records = support.dump(self.path)
        self.assertEqual(support.of_type(records, "end"), [])
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        lost = killed - (start + records[-1].time)
        print(f"lost {lost:.3f} s")
        self.assertLess(lost, 1.1)

    def test_sigkill_at_any_time_leaves_a_readable_capture(self):
        for wait in (0.02, 0.05, 0.1, 0.3, 1.02):
            with self.subTest(wait=wait):
                self.path.unlink(missing_ok=True)
                collector = self.start(support.COLLECT, "-q", "-r", "1000", "-p", self.pid, "-o", self.path)
                support.wait_until(lambda: self.path.exists() and self.path.stat().st_size, what="a header")
                time.sleep(wait)
                collector.kill()
                collector.wait(5)
                result = self.convert(self.path, "-f", "speedscope")
                self.assertRegex(result.err, "warning.*ends early")


if __name__ == "__main__":
    unittest.main()
