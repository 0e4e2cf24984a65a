"""Functions that come and go at the same addresses: a name that was not running is marked, and soon right again."""

import re
import unittest

import support

SECONDS = 7
RATE = 500
MARK = " [reused]"
LATE = 0.2  # seconds within which a new name is known: the collector looks every 0.05 s, the machine is shared
UNCHECKED = 0.5  # before the end: where nothing was reused of late it looks every 0.4 s, and not at who has gone
SLACK = 2 / RATE + 0.05 * (support.SLOW - 1)  # a stack holds from its tick to the next, which may be late


class Reused(support.Case):
    def segments(self, path, tid):
        """(start, end, function, marked) on the target's clock, of what names a function of the target."""
        profile = support.speedscope(path).thread(tid)
        start = support.of_type(support.dump(path), "session")[0].fields["start_monotonic_ns"] / 1e9
        at = profile["startValue"] / 1e6
        for stack, weight in support.speedscope(path).stacks(profile):
            name = next((name for name in reversed(stack) if re.match(r"f_\d+", name)), None)
            if name:
                yield start + at, start + at + weight / 1e6, name.removesuffix(MARK), name.endswith(MARK)
            at += weight / 1e6

    def check(self, python):
        target = self.target("dropped", SECONDS, python=python)
        path = self.collect("-p", target.pid, "-r", RATE, "-q", name=f"{target.pid}.pamcap", timeout=SECONDS + support.TIMEOUT)
        ran = {name: (start, end) for name, start, end in target.truth()["ran"]}
        exit_at = max(end for _, end in ran.values())
        seen = {"right": 0.0, "marked": 0.0, "wrong": 0.0}
        longest = 0.0
        for start, end, name, marked in self.segments(path, target.pid):
            began, ended = ran[name]
            inside = max(0.0, min(end, ended + SLACK) - max(start, began - SLACK))
            was_running = began - SLACK < start < ended + 0.0005  # at the tick with which it begins
            if start > exit_at - UNCHECKED:
                continue
            seen["marked" if marked else "right" if was_running else "wrong"] += end - start
            longest = max(longest, end - start - inside)
            if not marked and not was_running:
                print(f"{name} from {start - began:+.4f} to {end - began:+.4f} s, it ran until {ended - began:+.4f}")
        reused = support.health(path).get("code_reused", 0)
        told = {kind: f"{time:.3f} s" for kind, time in seen.items()}
        print(f"{len(ran)} functions, {reused} addresses reused, {told}, wrong for {longest:.3f} s at most")
        self.assertGreater(len(ran), 100)
        self.assertLessEqual(reused, len(support.of_type(support.dump(path), "code_reused")))
        self.assertGreater(seen["right"], 0.5 * SECONDS)
        self.assertEqual(seen["wrong"], 0)
        self.assertLess(longest, LATE)
        return reused

    def test_each_version(self):
        reused = 0
        for version, python in support.pythons(support.KINDS):
            with self.subTest(version=version):
                reused += self.check(python)
        self.assertGreater(reused, 0)


if __name__ == "__main__":
    unittest.main()
