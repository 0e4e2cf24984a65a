"""A steady tick allocates nothing, opens nothing and formats nothing: what the sampling thread calls is counted.

Steady is a target whose threads are those of the tick before. Such a tick drains the kernel's records, chooses
and reads threads, records stacks, new ones too, hands over full blocks, and several times a second looks after
reused addresses. The work of an interval is another thing: it opens files in /proc, which is counted, and said.
"""

import collections
import os
import subprocess
import unittest

import support

INTERVAL = 2.5  # seconds: there is work of an interval at the start, and after these
FROM, TO = 0.5, 2.3  # what is counted lies between
THREAD = "pam-sampler"
OPENED_ONCE = "pam_blocked_read"  # of a thread, and each target has one


class Steady(support.Case):
    def setUp(self):
        super().setUp()
        support.need_tool("gcc")
        support.need_plain_build("has a malloc of its own")
        source = support.HERE / "native/calls.c"
        self.library = self.folder / "calls.so"
        subprocess.run(["gcc", "-std=gnu17", "-shared", "-fPIC", "-O1", "-o", self.library, source, "-ldl"], check=True)

    def calls(self, target, *options):
        """What the sampling thread called: a count by function and caller; and the health of the capture."""
        into = self.folder / f"{target}.calls"
        process = self.target(target, INTERVAL + 4)
        env = {**os.environ, "LD_PRELOAD": str(self.library), "COUNT_FROM": str(FROM), "COUNT_TO": str(TO),
               "COUNT_INTO": str(into)}
        path = self.collect("-q", "-p", process.pid, "-d", INTERVAL + 0.2, *options, name=f"{target}.pamcap", env=env)
        counts = collections.Counter()
        for line in into.read_text().splitlines():
            thread, function, caller, count = line.split("\t")
            if thread == THREAD:
                counts[function, caller] += int(count)
        return counts, support.health(path)

    def placed(self, counts):
        """Yield count, function and caller, as function and line."""
        for (function, caller), count in sorted(counts.items()):
            file, _, offset = caller.rpartition("+")
            yield count, function, support.run("addr2line", "-sfpe", file, offset).out.decode().strip()

    def named(self, counts):
        """The callers, for who has to look."""
        return "\n".join(f"  {count:6} x {function} by {place}" for count, function, place in self.placed(counts))

    def test_ticks(self):
        """Between two intervals there are ticks alone."""
        support.need_tool("addr2line")
        for target in ("sleepers", "generators", "tree"):
            with self.subTest(target=target):
                counts, health = self.calls(target, "-r", 500, "-i", INTERVAL)
                print(f"{target}: {health['ticks']} ticks, {sum(counts.values())} such calls in {TO - FROM:g} s")
                self.assertGreater(health["ticks"], 100 * INTERVAL / support.SLOW)
                opened = sum(count for count, function, place in self.placed(counts) if place.startswith(OPENED_ONCE))
                # A stack deeper than any before makes the memory of its thread grow, a few times in its life, and the file
                # that tells what it is blocked in stays open from the first time that it is seen blocked.
                self.assertLessEqual(opened, 2, "\n" + self.named(counts))  # its name is made, and it is opened
                self.assertLessEqual(sum(counts.values()) - opened, 2, "\n" + self.named(counts))

    def test_intervals(self):
        """Each opens some files; none allocates what it does not free, and their number does not grow."""
        counts, health = self.calls("sleepers", "-r", 100, "-i", 0.2)
        print(f"in {(TO - FROM) / 0.2:g} intervals:\n{self.named(counts)}")
        self.assertGreater(sum(counts.values()), 0)  # else it does not count at all
        self.assertLess(sum(counts.values()) / ((TO - FROM) / 0.2), 100)


if __name__ == "__main__":
    unittest.main()
