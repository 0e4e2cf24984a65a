"""Targets that are garbage, or larger than anybody is: pamcollect ends well, soon and small, and says what it lost."""

import os
import shutil
import subprocess
import time
import unittest

import support

VERSIONS = ["3.11", "3.12", "3.13"]
SECONDS = 4
MOST_BYTES = 64 << 20  # of memory of pamcollect
MOST_CPU = 0.5  # of a CPU: much more than it takes, much less than what runs away
BYTES_A_THREAD = 256 << 10  # with the kernel's part, and room for the others on the machine
SOON = 2.0  # seconds until the first sample


class Extremes(support.Case):
    def capture(self, name, *options, python="3.11"):
        """The truth, and what is checked of every capture: (truth, path, health)."""
        truth, path = self.capture_target(name, SECONDS, *options, python=support.need_python(python))
        records = support.dump(path)
        health = support.of_type(records, "health")[-1].fields
        outcomes = [health.get(key, 0) for key in ("whole", "truncated", "no_frame", "failed")]
        reasons = [value for key, value in health.items() if key.startswith("fail_")]
        self.assertEqual(health.get("wanted", 0), sum(outcomes), health)
        self.assertEqual(health.get("failed", 0), sum(reasons), health)
        self.assertIsNotNone(support.of_type(records, "end"), "the capture has no end")
        for form in ("speedscope", "collapsed", "csv"):
            self.convert(path, "-q", "-f", form)
        support.Speedscope(self.convert(path, "-q", "-f", "speedscope").out)
        if b"libasan" not in support.run("ldd", support.COLLECT).out:
            cpu = (health.get("own_user_us", 0) + health.get("own_system_us", 0)) / 1e6
            self.assertLess(health["own_rss_bytes"], MOST_BYTES)
            self.assertLess(cpu, MOST_CPU * SECONDS * support.SLOW, health)
        return truth, path, health

    def first_sample(self, path):
        return support.of_type(support.dump(path), "sample")[0].time

    def test_garbage_where_frames_should_be(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                truth, path, health = self.capture("scribbles", python=version)
                self.assertGreater(sum(truth["changed"].values()), 20)
                self.assertGreater(health["whole"], SECONDS * 20)
                self.assertGreater(health.get("truncated", 0) + health.get("failed", 0), 0)
                deepest = max(len(stack) for stack, _ in support.collapsed(path))
                self.assertLess(deepest, 100)

    def test_list_of_threads_in_a_circle(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                target = self.target("scribbles", SECONDS, "--circle", "1", python=support.need_python(version))
                path = self.folder / "circle.pamcap"
                result = support.run(support.COLLECT, "-p", target.pid, "-o", path)
                self.assertEqual(result.status, 0, result.err)
                self.assertRegex(result.err, "no thread of the target could be sampled: its list .* round in a circle")
                self.assertNotIn("namespace", result.err)
                self.assertLess(support.health(path)["read_calls"], SECONDS * 100 * 20)

    def test_names_that_nobody_has(self):
        truth, path, health = self.capture("extremes", "--names", "1")
        # On an emulated board a read takes long enough to meet the end of the process, in which each thread ends once.
        self.assertLessEqual(health.get("failed", 0), truth["named"] if support.SLOW > 1 else 0, health)
        names = {frame["name"] for frame in support.speedscope(path).frames}
        self.assertIn("n" * 4096, names)
        self.assertIn("🚁" * 1024, names)
        self.assertIn("lone \ufffd and \ufffd", names)
        strings = {record.fields.get("text", "") for record in support.of_type(support.dump(path), "string")}
        self.assertIn("before\0after", strings)
        self.assertIn("\x1b]0;owned\x07\x1b[2J", strings)
        threads = [name.rpartition(" (")[0] for name in support.speedscope(path).names]
        self.assertTrue(any("nnnn" in name for name in threads), threads)
        for line in self.convert(path, "-q", "-f", "collapsed").out.splitlines():
            self.assertRegex(line, rb" \d+$")

    def test_ten_thousand_threads(self):
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        truth, path, health = self.capture("extremes", "--threads", min(10000, memory_bytes // BYTES_A_THREAD))
        threads = truth["threads"] + 1
        print(f"{threads} threads")
        self.assertGreater(threads, 1000)
        if threads > 4096:
            self.assertGreater(health["threads_left_out"], 0, health)
            told = self.convert(path, "-f", "collapsed").err
            self.assertIn(f"too many threads: {health['threads_left_out']} were left out", told)
        self.assertLess(self.first_sample(path), SOON * support.SLOW)
        main = [stack for stack, _ in support.collapsed(path) if any(frame.startswith("work ") for frame in stack)]
        self.assertTrue(main, "the main thread is the only one that runs")

    def test_sixty_thousand_mappings(self):
        truth, path, health = self.capture("extremes", "--maps", "60000")
        self.assertGreater(truth["maps"], 10000)
        self.assertGreater(health["whole"], 0)
        self.assertLess(self.first_sample(path), SOON * support.SLOW)

    def test_pipe_mounted_over_a_library(self):
        """What a map calls a library may be a pipe by now, which nobody ever writes to."""
        support.need_root("mount")
        unshare = support.need_tool("unshare")
        library, pipe = self.folder / "library.so", self.folder / "pipe"
        script = (
            "import ctypes, os, subprocess, sys, time; ctypes.CDLL(sys.argv[1]); "
            "subprocess.run(['mount', '--bind', sys.argv[2], sys.argv[1]], check=True); "
            "print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(30)"
        )
        python = support.need_python()
        module = support.run(python, "-c", "import _ctypes; print(_ctypes.__file__)").out.decode().strip()
        shutil.copy(module, library)
        os.mkfifo(pipe)
        if support.run(unshare, "-m", "true").status != 0:
            self.skipTest("no mount namespace can be made here")
        target = support.Target([unshare, "-m", python, "-c", script, library, pipe])
        self.addCleanup(target.end)
        before = time.monotonic()
        try:
            self.collect("-p", target.pid, "-d", "0.5", timeout=20)
        except subprocess.TimeoutExpired:
            self.fail("pamcollect waits for what comes out of the pipe")
        self.assertLess(time.monotonic() - before, 10 * support.SLOW)


    def test_perf_map_of_a_gigabyte(self):
        """Lines for a while, one without an end behind them: what is read of it is bounded."""
        support.need_plain_build("is slow")
        script = "import os, time; print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(60)"
        target = support.Target([support.need_python("3.12"), "-X", "perf", "-c", script])  # it writes a map of its own
        self.addCleanup(target.end)
        pid, name = target.pid, f"/tmp/perf-{target.pid}.map"
        lines = "".join(f"{0x7f0000000000 + 64 * number:x} 40 py::function_{number}:/some/file.py\n" for number in range(200000))
        self.addCleanup(os.unlink, name)
        with open(name, "a", encoding="ascii") as file:
            for _ in range(4):
                file.write(lines)
            file.truncate(1 << 30)
        path = self.folder / "map.pamcap"
        begin = time.monotonic()
        result = support.run(support.COLLECT, "-q", "--native", "-p", pid, "-d", 1, "-o", path)
        took = time.monotonic() - begin
        self.assertEqual(result.status, 0, result.err)
        health = support.health(path)
        print(f"took {took:.1f} s for one second, {health['own_rss_bytes'] >> 20} MB, {path.stat().st_size} bytes")
        symbols = support.of_type(support.dump(path), "jit_symbol")
        self.assertIn("py::<module>:<string>", {symbol.fields["name"] for symbol in symbols})
        self.assertLess(took, 1 + 5 * support.SLOW)
        self.assertLess(health["own_rss_bytes"], MOST_BYTES)
        self.assertLess(path.stat().st_size, 1 << 20)


if __name__ == "__main__":
    unittest.main()
