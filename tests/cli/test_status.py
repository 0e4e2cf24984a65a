"""Every exit status once, from the table of the design: 0, 1, 2, 3, 4, 125, 126, 127, the command's, 128 + N."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

CAPTURE = support.ROOT / "tests/golden/threads.pamcap"


class Status(support.Case):
    def check(self, status, *command, stdout=True, message=True):
        """A failure has nothing on standard output and a message on standard error."""
        result = support.run(*command, cwd=self.folder, timeout=20)
        self.assertEqual(result.status, status, result.err)
        if status:
            self.assertEqual(result.out, b"")
            self.assertEqual(bool(result.err), message)
            if result.err:
                self.assertRegex(result.err, r"(?m)^(\S*/)?(pamcollect|pamconvert|pamplot): ")
                self.assertTrue(result.err.endswith("\n"))
        return result

    def command(self, status, *command, **more):
        return self.check(status, support.COLLECT, "-q", "-o", self.folder / "c", "--", *command, **more)

    def test_0(self):
        self.check(0, support.COLLECT, "-p", self.sleeper(), "-d", "0.1", "-o", "c")
        self.check(0, support.CONVERT, "-f", "dump", CAPTURE)
        self.command(0, "true")

    def test_0_with_a_cut_tail(self):
        (self.folder / "cut").write_bytes(CAPTURE.read_bytes()[:-10])
        result = self.check(0, support.CONVERT, "-f", "dump", "cut")
        self.assertIn("warning", result.err)
        self.assertIn("ends early", result.err)

    def test_1(self):
        self.check(1, support.COLLECT, "-q", "-p", self.sleeper(), "-o", "/proc/none/c")
        self.check(1, support.CONVERT, "-f", "dump", "missing.pamcap")
        self.check(1, support.PLOT, "missing.pamcap")

    def test_1_with_what_could_be_read(self):
        data = bytearray(CAPTURE.read_bytes())
        data[-200] ^= 0xFF
        (self.folder / "damaged").write_bytes(data)
        result = support.run(support.CONVERT, "-f", "dump", self.folder / "damaged")
        self.assertEqual(result.status, 1)
        self.assertIn("damaged", result.err)
        self.assertGreater(result.out.count(b"\n"), 100)

    def test_2(self):
        for program in (support.COLLECT, support.CONVERT, support.PLOT):
            self.check(2, program, "--no-such-option")
        self.check(2, support.CONVERT, "-f", "no-such-format", CAPTURE)
        self.check(2, support.PLOT, "--kind", "no-such-kind", CAPTURE)

    def test_3(self):
        self.check(3, support.COLLECT, "-p", "999999999", "-o", "c")
        self.check(3, support.COLLECT, "-q", "-p", self.start("sleep", "20").pid, "-o", "c")
        self.check(3, support.COLLECT, "--match", "nothing-like-this-runs-here", "-o", "c")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_4(self):
        support.need_root("become another user")
        setpriv = support.need_tool("setpriv")
        self.folder.chmod(0o777)
        program = self.folder / "pamcollect"
        program.write_bytes(pathlib.Path(support.COLLECT).read_bytes())
        program.chmod(0o755)
        self.check(4, setpriv, "--reuid", "65534", "--clear-groups", program, "-q", "-p", self.sleeper(), "-o", "c")

    def test_125(self):
        result = support.run(support.COLLECT, "-q", "-o", "/proc/none/c", "--", "true")
        self.assertEqual((result.status, result.out), (125, b""), result.err)

    def test_126(self):
        self.command(126, "/")
        self.command(126, CAPTURE)

    def test_127(self):
        self.command(127, "no-such-command-anywhere")
        self.command(127, "/no/such/command")

    def test_the_commands_own(self):
        for status in (1, 2, 3, 4, 42, 125, 126, 127, 255):
            self.command(status, "sh", "-c", f"exit {status}", message=False)

    def test_128_and_the_signal(self):
        for number in (1, 2, 6, 9, 11, 15):
            self.command(128 + number, "sh", "-c", f"kill -{number} $$", message=False)


if __name__ == "__main__":
    unittest.main()
