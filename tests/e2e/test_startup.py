"""A program that is just starting: its code objects come and go, yet no name is garbage and no frame is missing."""

import os
import re
import unittest

import support

RUNS = 20
NAME = re.compile(r"(?:\w+|<\w+>)(?:\.(?:\w+|<\w+>))*")


PYTHONS = [
    python for python in ("/usr/bin/python3.11", support.find_python("3.11")) if python and os.access(python, os.X_OK)
]


class Startup(support.Case):
    def collect_command(self, *command, rate=100):
        path = self.folder / "capture.pamcap"
        result = support.run(support.COLLECT, "-q", "-r", rate, "-o", path, "--", *command)
        self.assertEqual(result.status, 0, result.err)
        return path

    def test_no_garbage_in_names(self):
        """Names are read from memory that may have been freed and used again meanwhile."""
        support.need_python()
        garbage = []
        for number in range(RUNS):
            path = self.collect_command(PYTHONS[0], "-c", "import json, asyncio, http.server", rate=5000)
            frames = support.Speedscope(support.run(support.CONVERT, "-f", "speedscope", path).out).frames
            garbage += [
                f"run {number}: {frame['name']!r} in {frame['file']!r}, line {frame.get('line')}"
                for frame in frames
                if "file" in frame and not (NAME.fullmatch(frame["name"].removesuffix(" [reused]")) and frame["file"].isprintable())
            ]
        self.assertEqual(garbage, [])

    def test_first_stack_of_a_sleeper_is_whole(self):
        """It sleeps in early() right after it started; the address of its code was another one's before."""
        support.need_python()
        script = "import time\ndef early():\n    time.sleep(1.5)\nearly()\n"
        for python in PYTHONS:
            with self.subTest(python=python):
                stacks = support.collapsed(self.collect_command(python, "-c", script))
                early = sum(weight for frames, weight in stacks if any(f.startswith("early ") for f in frames))
                self.assertAlmostEqual(early, 1_500_000, delta=150_000, msg=max(stacks, key=lambda stack: stack[1]))


if __name__ == "__main__":
    unittest.main()
