"""A disk that is full, or an output that cannot be written: said so, status 1, and what was written is whole."""

import subprocess
import unittest

import support


class Disk(support.Case):
    def small_disk(self):
        support.need_root("mount a small disk")
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True)
        if mounted.returncode:
            self.skipTest(f"mount is not allowed here: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        return disk

    def test_full_while_capturing(self):
        path = self.small_disk() / "capture.pamcap"
        target = self.target("tree", 20 * support.SLOW)
        result = support.run(support.COLLECT, "-q", "-p", target.pid, "-r", 10000, "-d", 15 * support.SLOW, "-o", path)
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("No space left", result.err)
        self.assertIn(str(path), result.err)
        self.assertGreater(path.stat().st_size, 10_000)
        converted = self.convert(path, "-f", "speedscope")
        self.assertIn("ends early", converted.err)
        self.assertNotIn("damaged", converted.err)
        self.assertTrue(support.Speedscope(converted.out).profiles)

    def test_full_from_the_start(self):
        disk = self.small_disk()
        with self.assertRaises(OSError):
            (disk / "rest").write_bytes(b"x" * 100_000)
        result = support.run(support.COLLECT, "-q", "-p", self.sleeper(), "-d", "5", "-o", disk / "c.pamcap")
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("No space left", result.err)

    def test_full_device(self):
        result = support.run(support.COLLECT, "-q", "-p", self.sleeper(), "-d", "5", "-o", "/dev/full")
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("No space left", result.err)

    def test_converter_on_a_full_disk(self):
        path = self.collect("-p", self.sleeper(), "-d", "0.3")
        for format in ("speedscope", "collapsed", "csv", "dump"):
            with self.subTest(format=format):
                result = self.convert(path, "-f", format, "-o", "/dev/full", status=1)
                self.assertIn("No space left", result.err)
                with open("/dev/full", "wb") as full:
                    self.assertIn("No space left", self.convert(path, "-f", format, status=1, stdout=full).err)

    def test_live_converter_on_a_full_disk(self):
        """It writes row by row then; the reason must not get lost on the way."""
        path = self.collect("-p", self.sleeper(), "-d", "0.5", "-i", "0.1")
        with open(path, "rb") as capture, open("/dev/full", "wb") as full:
            result = support.run(support.CONVERT, "-f", "csv", stdin=capture, stdout=full)
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("No space left", result.err)

    def test_plot_on_a_full_disk(self):
        support.need_tool("gnuplot")
        path = self.collect("-p", self.sleeper(), "-d", "0.6", "-i", "0.1")
        disk = self.small_disk()
        with self.assertRaises(OSError):
            (disk / "rest").write_bytes(b"x" * 100_000)
        result = support.run(support.PLOT, "-o", disk / "x.png", path)
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("No space left", result.err)
        self.assertEqual([file.name for file in disk.iterdir()], ["rest"])

    def test_nowhere(self):
        for where in ("/proc/none/x.pamcap", "/dev/null/x.pamcap"):
            result = support.run(support.COLLECT, "-q", "-p", self.sleeper(), "-d", "0.2", "-o", where)
            self.assertEqual(result.status, 1, result.err)
            self.assertIn(where.rpartition("/")[0], result.err)


if __name__ == "__main__":
    unittest.main()
