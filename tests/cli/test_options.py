"""Every value that cannot be meant is refused before anything is started, by its name; every good one is taken."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

NO_NUMBERS = [
    "",
    " ",
    "-1",
    "-0.5",
    "nan",
    "-nan",
    "inf",
    "infinity",
    "abc",
    "1x",
    "0x10",
    "1e999",
    "1,5",
    "--",
    "1 2",
    "٣",
]
BAD = {
    "--rate": [*NO_NUMBERS, "0", "0.0", "0.0001", "10000.01", "20000", "1e9"],
    "--interval": [*NO_NUMBERS, "0", "0.001", "1e10"],
    "--duration": [*NO_NUMBERS, "0", "1e-12", "1e10"],
    "--tasks": [*NO_NUMBERS, "0", "0.001", "1e10"],
    "--sync": [*NO_NUMBERS, "1e10"],
    "--pid": [*NO_NUMBERS, "0", "1.5", "1e3", "99999999999", "2147483648", "+1x"],
    "--listen": [*NO_NUMBERS, "0", "65536", "1.5", "80x"],
    "--mark": ["", "x", "@", "@1", "x@", "x@y", "x@-1", "x@nan", "x@inf"],
    "--wait": [value for value in NO_NUMBERS if value] + ["0", "1e10"],
    "--match": ["(", "[", "a{2,1}"],
    "--output": [""],
    "--event": ["", " ", ",", "page-faults,", "{", "{}", "{page-faults", "{page-faults}:x", "sched:*", "x" * 30 + "{", "a b"],
}
GOOD = {
    "--rate": ["0.5", "1e3", ".5", "10000", "100.0", "007"],
    "--interval": ["0.01", "1", "3600", "1e-1"],
    "--duration": ["0.05", "1e-2"],
    "--tasks": ["0.01", "60"],
    "--sync": ["0", "0.1", "10"],
    "--mark": ["a@0", "a@b@1", "x y@0.1"],
    "--event": ["page-faults", "task-clock:u,{cs,page-faults}:S", " Page-Faults , CS"],
}


class Values(support.Case):
    def test_bad_values(self):
        for option, values in BAD.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    result = support.run(support.COLLECT, f"{option}={value}", "-d", "0.01", cwd=self.folder, timeout=5)
                    self.assertEqual((result.status, result.out), (2, b""), result.err)
                    self.assertIn(value.rpartition("@")[0] if option == "--mark" else value, result.err)
                    self.assertIn(option if option not in ("--pid", "--match") else "", result.err)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_bad_values_as_a_word_of_their_own(self):
        for option, value in (("-r", "-1"), ("-d", "nan"), ("-i", "0"), ("-p", "-5"), ("-p", "x")):
            self.assertEqual(support.run(support.COLLECT, option, value, timeout=5).status, 2)

    def test_good_values(self):
        pid = self.sleeper()
        for option, values in GOOD.items():
            for value in values:
                with self.subTest(option=option, value=value):
                    self.collect("-p", pid, "-d", "0.05", f"{option}={value}")

    def test_rate_is_kept_in_the_capture(self):
        path = self.collect("-p", self.sleeper(), "-d", "0.05", "-r", "12.5", "-i", "0.25")
        session = support.of_type(support.dump(path), "session")[0].fields
        self.assertEqual((session["rate_mhz"], session["interval_ns"]), (12_500, 250_000_000))

    def test_missing_values(self):
        for option in (
            "--rate",
            "-r",
            "--interval",
            "--duration",
            "--pid",
            "-p",
            "--match",
            "--scenario",
            "--output",
            "--sync",
            "--mark",
            "--listen",
            "--unit",
        ):
            self.assertEqual(support.run(support.COLLECT, option, timeout=5).status, 2, option)

    def test_values_that_are_too_many(self):
        for option in ("--no-children=1", "--quiet=yes", "--switches=1", "--native=1", "--bundle"):
            self.assertEqual(support.run(support.COLLECT, option, timeout=5).status, 2, option)

    def test_one_target(self):
        pairs = (
            ["-p", "1", "--match", "x"],
            ["--match", "x", "--", "true"],
            ["-p", "1", "--", "true"],
            ["--listen", "80", "--unit", "x"],
            ["-p", "1", "--listen", "80"],
            ["--wait", "--", "true"],
            ["--follow", "--", "true"],
            ["--follow", "--pid", "1"],
        )
        for options in pairs:
            result = support.run(support.COLLECT, *options, timeout=5)
            self.assertEqual(result.status, 2, f"{options}: {result.err}")

    def test_stray_argument(self):
        """Without -- it is no command: `pamcollect -p 1 5` is a slip of the finger."""
        for options in (["-p", "1", "5"], ["capture.pamcap"], ["touch", "ran"]):
            result = support.run(support.COLLECT, "-d", "0.01", *options, cwd=self.folder, timeout=5)
            self.assertEqual(result.status, 2, f"{options}: {result.err}")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_long_text(self):
        self.assertEqual(support.run(support.COLLECT, "--rate", "9" * 100_000, timeout=5).status, 2)
        self.assertEqual(support.run(support.COLLECT, "--output", "x" * 100_000, "-d", "0.01", timeout=5).status, 2)
        self.assertEqual(support.run(support.COLLECT, "--match", "x" * 100_000, timeout=20).status, 3)


if __name__ == "__main__":
    unittest.main()
