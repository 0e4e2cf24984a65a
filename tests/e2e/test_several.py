"""Several captures become one output on one clock, or one each."""

import os
import unittest

import support

SCRIPT = """
import os, sys, threading, time
print('{"pid": %d}' % os.getpid(), flush=True)
names = {}
exec(compile("def " + sys.argv[1] + "():\\n    __import__('time').sleep(30)\\n", "x.py", "exec"), names)
names[sys.argv[1]]()
"""


class Several(support.Case):
    def capture(self, function, *options, delay=0.0):
        """Of a process whose main thread is in that function; the scenario is its name."""
        target = support.Target([support.need_python(), "-c", SCRIPT, function])
        self.addCleanup(target.end)
        path = self.folder / f"{function}.pamcap"
        command = [support.COLLECT, "-q", "-p", target.pid, "-s", function, "-i", "0.25", "-o", path, *options]
        return path, target.pid, self.start(*command)

    def two(self):
        """The first from 0 to 2 s, the second from about 1 s on for 2 s."""
        first, first_pid, collector = self.capture("first", "-d", "2")
        support.wait_until(lambda: first.exists() and first.stat().st_size > 100)
        other = self.start("sleep", "1")
        other.wait()
        second, second_pid, later = self.capture("second", "-d", "2")
        self.assertEqual((collector.wait(20), later.wait(20)), (0, 0))
        return (first, first_pid), (second, second_pid)

    def start_of(self, path):
        return support.of_type(support.dump(path), "session")[0].fields["start_monotonic_ns"] / 1e9

    def test_into_one(self):
        (first, first_pid), (second, second_pid) = self.two()
        between = self.start_of(second) - self.start_of(first)
        self.assertGreater(between, 0.9)
        for order in ((first, second), (second, first)):
            document = support.Speedscope(support.run(support.CONVERT, "-q", "-f", "speedscope", *order).out)
            self.assertEqual(
                document.names,
                [f"first: MainThread ({first_pid})", f"second: MainThread ({second_pid})", "all threads"],
            )
            starts = [profile["startValue"] / 1e6 for profile in document.profiles[:2]]
            ends = [profile["endValue"] / 1e6 for profile in document.profiles[:2]]
            self.assertAlmostEqual(starts[1] - starts[0], between, delta=0.1)
            self.assertAlmostEqual(ends[1] - ends[0], between, delta=0.2)
            for name, profile in zip(("first", "second"), document.profiles):
                self.assertEqual({stack[1] for stack, _ in document.stacks(profile)}, {name})
        result = support.run(support.CONVERT, "-q", "-f", "collapsed", first, second)
        self.assertEqual(result.status, 0, result.err)
        lines = sorted(result.out.decode().splitlines())
        self.assertEqual(len(lines), 2)
        for name, pid, line in zip(("first", "second"), (first_pid, second_pid), sorted(lines, key=lambda x: "second" in x)):
            self.assertTrue(line.startswith(f"process {pid};{name}: MainThread ({pid});"), line)
        lines = support.run(support.CONVERT, "-q", "-f", "csv", first, second).out.decode().split("\r\n")
        elapsed = [float(line.split(",")[0]) for line in lines[1:-1]]
        alone = [len(support.csv_rows(path)) for path in (first, second)]
        self.assertEqual(len(elapsed), sum(alone))
        self.assertAlmostEqual(elapsed[alone[0]] - elapsed[0], between, delta=0.1)
        lines = support.run(support.CONVERT, "-q", "-f", "csv-threads", first, second).out.decode().split("\r\n")
        self.assertEqual({line.split(",")[1] for line in lines[1:-1]}, {str(first_pid), str(second_pid)})

    def test_another_boot(self):
        """Clocks of two boots have nothing in common: the time of day places them."""
        (first, _), (second, second_pid) = self.two()
        between = self.start_of(second) - self.start_of(first)
        support.need_root("have a CLOCK_MONOTONIC of its own")
        target = support.Target([support.need_python(), "-c", SCRIPT, "third"])
        self.addCleanup(target.end)
        third = self.folder / "third.pamcap"
        # With another boot_id and a CLOCK_MONOTONIC that is a day ahead, as the collector sees them.
        (self.folder / "boot_id").write_text("12345678-1234-1234-1234-123456789abc\n")
        script = f"mount --bind {self.folder}/boot_id /proc/sys/kernel/random/boot_id && exec \"$0\" \"$@\""
        result = support.run(
            *(support.need_tool("unshare"), "--mount", "--time", "--monotonic", "86400", "--fork"),
            *("sh", "-c", script, support.COLLECT, "-q", "-p", target.pid, "-d", "1", "-o", third),
        )
        if result.status:
            self.skipTest(f"no time namespace here: {result.err}")
        self.assertGreater(self.start_of(third), 86400)
        document = support.Speedscope(support.run(support.CONVERT, "-q", "-f", "speedscope", third, first, second).out)
        starts = [profile["startValue"] / 1e6 for profile in document.profiles[:3]]
        self.assertAlmostEqual(starts[1] - starts[0], between, delta=0.1)
        self.assertGreater(starts[2], starts[1])
        self.assertLess(starts[2], 60)

    def test_one_each(self):
        (first, _), (second, _) = self.two()
        out = self.folder / "out"
        out.mkdir()
        result = support.run(support.CONVERT, "-q", "-f", "collapsed", "-o", out, first, second)
        self.assertEqual(result.status, 0, result.err)
        self.assertEqual(sorted(os.listdir(out)), ["first.collapsed", "second.collapsed"])
        self.assertNotIn("first", (out / "second.collapsed").read_text())

    def test_one_of_them_is_no_capture(self):
        first = self.collect("-p", self.sleeper(), "-d", "0.3", name="a.pamcap")
        (self.folder / "b.pamcap").write_bytes(b"nonsense" * 100)
        out = self.folder / "x.json"
        result = support.run(support.CONVERT, "-o", out, first, self.folder / "b.pamcap")
        self.assertEqual(result.status, 1)
        self.assertIn("b.pamcap is not a capture", result.err)
        self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
