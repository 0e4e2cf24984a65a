"""The target's exit finishes the capture; the status of a command that was started is passed on."""

import os
import signal
import time
import unittest

import support


class Exits(support.Case):
    def command(self, *command, status, **more):
        path = self.folder / "capture.pamcap"
        result = support.run(support.COLLECT, "-o", path, "--", *command, **more)
        self.assertEqual(result.status, status, result.err)
        return path, result

    def end_of(self, path):
        last = support.dump(path)[-1]
        self.assertEqual(last.type, "end")
        return last.fields["reason"]

    def test_targets_exit_finishes_the_capture(self):
        """Its status is its parent's affair, not ours: ours is 0."""
        target = self.target("exits", 1.5)
        started = time.monotonic()
        path = self.collect("-p", target.pid)
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(self.end_of(path), "the target exited")
        self.assertEqual(target.process.wait(5), 7)

    def test_memory_of_a_target_that_ended_is_not_zero(self):
        """An exiting process has no memory left: that is no reading of what it used."""
        target = self.target("exits", 2)
        path = self.collect("-p", target.pid, "-i", "0.3")
        self.assertEqual([row for row in support.csv_rows(path) if row["memory_mb"] == "0.00"], [])

    def test_command_status(self):
        python = support.need_python()
        path, _ = self.command(python, support.TARGETS / "exits.py", "--seconds", "1", status=7)
        self.assertEqual(self.end_of(path), "the target exited")
        names = {
            name
            for stack in support.speedscope(path).profiles[0]["samples"]
            for name in (support.speedscope(path).frames[frame]["name"] for frame in stack)
        }
        self.assertIn("time.sleep [C]", names)

    def test_command_is_profiled_from_its_beginning(self):
        script = "import time\ndef early():\n    time.sleep(0.3)\nearly()\n"
        path, _ = self.command(support.need_python(), "-c", script, status=0)
        early = sum(
            weight for frames, weight in support.collapsed(path) if any(frame.startswith("early ") for frame in frames)
        )
        self.assertAlmostEqual(early, 300_000, delta=100_000)

    def test_command_that_is_no_python(self):
        path, _ = self.command("sh", "-c", "sleep 0.3; exit 3", status=3)
        self.assertEqual(self.end_of(path), "the target exited")

    def test_command_ended_by_signals(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV):
            with self.subTest(signal=number.name):
                self.command(
                    support.need_python(),
                    "-c",
                    f"import os; os.kill(os.getpid(), {int(number)})",
                    status=128 + number if number != signal.SIGINT else 130,
                )

    def test_command_that_cannot_be_started(self):
        _, result = self.command("/does/not/exist", status=127)
        self.assertIn("/does/not/exist", result.err)
        _, result = self.command(support.TARGETS / "exits.py", status=126)  # not executable
        self.assertIn("exits.py", result.err)
        self.command("/", status=126)
        self.assertFalse((self.folder / "capture.pamcap").exists())

    def test_failed_before_starting_it(self):
        """125, and then the command must not have run at all."""
        ran = self.folder / "ran"
        result = support.run(support.COLLECT, "-o", "/proc/none/x.pamcap", "--", "touch", ran)
        self.assertEqual(result.status, 125, result.err)
        self.assertIn("/proc/none", result.err)
        time.sleep(0.2)
        self.assertFalse(ran.exists(), "the command was started although the output could not be opened")

    def test_usage_comes_before_starting_it(self):
        ran = self.folder / "ran"
        result = support.run(support.COLLECT, "--rate", "0", "--", "touch", ran)
        self.assertEqual(result.status, 2, result.err)
        self.assertFalse(ran.exists())

    def test_duration_ends_before_the_command(self):
        pid_file = self.folder / "pid"
        script = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(3)"
        path, _ = self.command(support.need_python(), "-c", script, "x", status=0, timeout=30)
        self.assertEqual(self.end_of(path), "the target exited")
        started = time.monotonic()
        collector = self.start(
            support.COLLECT, "-q", "-d", "0.5", "-o", path, "--", support.need_python(), "-c", script
        )
        self.assertEqual(collector.wait(10), 0)
        self.assertLess(time.monotonic() - started, 2.5)
        self.assertEqual(self.end_of(path), "the duration is over")
        os.kill(int(pid_file.read_text()), signal.SIGTERM)  # it had gone on by itself

    def test_what_the_command_prints_is_its_own(self):
        """With the capture on standard output the command's output must not be mixed into it."""
        result = support.run(support.COLLECT, "-q", "-o", "-", "--", "sh", "-c", "echo hel''lo")
        self.assertEqual(result.status, 0, result.err)
        self.assertTrue(result.out.startswith(b"\x89PAMCAP"))
        self.assertNotIn(b"hello", result.out)
        self.assertIn("hello", result.err)
        _, result = self.command("sh", "-c", "echo hello", status=0)
        self.assertEqual(result.out, b"hello\n")


if __name__ == "__main__":
    unittest.main()
