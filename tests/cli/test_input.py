"""What pamconvert is given by mistake: a clear message that names it, status 1 or 2, no crash, no hang, no loss."""

import os
import pathlib
import random
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402
from terminal import Terminal  # noqa: E402

GOLDEN = support.ROOT / "tests/golden"
CAPTURE = GOLDEN / "threads.pamcap"
FOREIGN = {
    "empty": b"",
    "text": b"this is not a capture\n",
    "short": b"\x89PAM",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "json": b'{"$schema": 1}',
    "zeros": bytes(5000),
    "elf": b"\x7fELF" + bytes(5000),
    "gzip": b"\x1f\x8b\x08" + bytes(99),
    "other-version": b"\x89PAMCAP\n\x02\0\0\0" + bytes(100),
    "magic-only": b"\x89PAMCAP\n",
}


class Input(support.Case):
    def refused(self, path, status=1, format="speedscope", **more):
        result = support.run(support.CONVERT, "-f", format, path, cwd=self.folder, timeout=20, **more)
        self.assertEqual((result.status, result.out), (status, b""), result.err)
        self.assertIn(str(path), result.err)
        self.assertEqual(len(result.err.splitlines()), 1, result.err)
        return result.err

    def test_foreign_files(self):
        for name, content in FOREIGN.items():
            (self.folder / name).write_bytes(content)
            for format in ("speedscope", "collapsed", "csv", "dump"):
                with self.subTest(name=name, format=format):
                    self.refused(name, format=format)
        self.assertIn("version 2", self.refused("other-version"))
        self.assertIn("empty", self.refused("empty"))

    def test_foreign_input_by_pipe(self):
        for name, content in FOREIGN.items():
            result = support.run(support.CONVERT, "-f", "dump", input=content)
            self.assertEqual((result.status, result.out), (1, b""), f"{name}: {result.err}")
            self.assertIn("standard input", result.err)

    def test_directory_missing_and_unreadable(self):
        self.assertIn("directory", self.refused(self.folder))
        self.assertIn("No such file", self.refused("missing.pamcap"))
        self.assertIn("Not a directory", self.refused(f"{CAPTURE}/x"))
        if os.geteuid() != 0:
            (self.folder / "secret").write_bytes(b"")
            (self.folder / "secret").chmod(0)
            self.assertIn("Permission denied", self.refused("secret"))

    def test_terminal_as_input(self):
        terminal = Terminal(support.CONVERT, "-f", "dump")
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(10), 2)
        self.assertIn("terminal", terminal.text)

    def test_random_damage_never_crashes(self):
        """Seeded: bytes changed, cut out, put in. What comes out is a result or a message, at once."""
        random.seed(11)
        data = CAPTURE.read_bytes()
        path = self.folder / "damaged.pamcap"
        for number in range(60):
            damaged = bytearray(data)
            for _ in range(random.randint(1, 8)):
                at = random.randrange(12, len(damaged))
                kind = random.randrange(3)
                if kind == 0:
                    damaged[at] = random.randrange(256)
                elif kind == 1:
                    del damaged[at : at + random.randint(1, 200)]
                else:
                    damaged[at:at] = random.randbytes(random.randint(1, 200))
            path.write_bytes(damaged)
            format = random.choice(("speedscope", "collapsed", "csv", "dump", "csv-threads"))
            result = support.run(support.CONVERT, "-f", format, path, timeout=10)
            self.assertIn(result.status, (0, 1), f"{number}: {result.err}")
            self.assertTrue(result.err, number)

    def test_output_is_the_input(self):
        path = self.folder / "x.pamcap"
        path.write_bytes(CAPTURE.read_bytes())
        link = self.folder / "link"
        link.symlink_to(path)
        for output in (path, link):
            result = support.run(support.CONVERT, "-f", "dump", "-o", output, path)
            self.assertEqual(result.status, 2, result.err)
            self.assertEqual(path.read_bytes(), CAPTURE.read_bytes())

    def test_output_is_kept_when_the_input_is_bad(self):
        """An earlier result is not thrown away for nothing."""
        old = self.folder / "old.json"
        old.write_bytes(b"precious")
        (self.folder / "bad").write_bytes(b"no capture")
        support.run(support.CONVERT, "-o", old, self.folder / "bad")
        self.assertEqual(old.read_bytes(), b"precious")

    def test_unwritable_output(self):
        for output in ("/proc/none/x.json", "/dev/null/x.json", self.folder / "no/such/folder/x.json"):
            result = support.run(support.CONVERT, "-o", output, CAPTURE)
            self.assertEqual(result.status, 1, result.err)
            self.assertIn(str(output), result.err)

    def test_format_by_suffix(self):
        for suffix, format in (
            (".json", "speedscope"),
            (".csv", "csv"),
            (".collapsed", "collapsed"),
            (".dump", "dump"),
            ("_profile.speedscope.json", "speedscope"),
        ):
            output = self.folder / ("x" + suffix)
            result = support.run(support.CONVERT, "-q", "-o", output, CAPTURE)
            self.assertEqual((result.status, result.out, result.err), (0, b"", ""))
            self.assertEqual(output.read_bytes(), support.run(support.CONVERT, "-f", format, CAPTURE).out)
        for output in ("x.png", "x", "json"):
            self.assertEqual(support.run(support.CONVERT, "-o", output, CAPTURE, cwd=self.folder).status, 2)

    def test_usage(self):
        for options in (
            [],
            ["-f", ""],
            ["-f", "speedscope,csv"],
            ["--all"],
            ["--all", "-f", "csv", CAPTURE],
            ["-f", "csv", "--columns", "x", CAPTURE],
            ["-f", "collapsed", "--weight", "x", CAPTURE],
            ["-o", "", CAPTURE],
            ["--all", "-o", "no-folder", CAPTURE],
            ["-f", "csv", "--process", "x", CAPTURE],
            ["-f", "csv", "--thread", "(", CAPTURE],
        ):
            with self.subTest(options=options):
                result = support.run(support.CONVERT, *options, stdin=subprocess.DEVNULL)
                self.assertEqual((result.status, result.out), (2, b""), result.err)
                self.assertTrue(result.err)

    def test_several_captures(self):
        """One that is bad does not keep the others from being converted; the worst status counts."""
        for name in ("a.pamcap", "c.pamcap"):
            (self.folder / name).write_bytes(CAPTURE.read_bytes())
        (self.folder / "b.pamcap").write_bytes(b"no")
        result = support.run(support.CONVERT, "--all", "a.pamcap", "b.pamcap", "c.pamcap", cwd=self.folder)
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("b.pamcap", result.err)
        for name in ("a_profile.speedscope.json", "a_cpu.csv", "c_profile.speedscope.json", "c_cpu.csv"):
            self.assertGreater((self.folder / name).stat().st_size, 100)
        self.assertFalse(list(self.folder.glob("b_*")))

    def test_moments_that_are_odd(self):
        for moment in ("nan", "inf", "-1", "1e300", "", "0x10", "x" * 10000, "%s"):
            for option in ("--from", "--to"):
                result = support.run(support.CONVERT, "-f", "collapsed", f"{option}={moment}", CAPTURE, timeout=10)
                self.assertIn(result.status, (0, 1, 2), f"{option}={moment}: {result.err}")


if __name__ == "__main__":
    unittest.main()
