"""Who holds the GIL and who waits for it, and time in garbage collection, against what the program itself knows."""

import unittest

import shares
import support
import test_pyspy

SECONDS = 3.5
RATE = 400


def shares_of_gil(path):
    """By thread id: [held, awaited, perhaps awaited, ready but without a CPU], means of the intervals in percent."""
    lines = support.run(support.CONVERT, "-q", "-f", "csv-threads", path).out.decode().split("\r\n")[1:-1]
    rows = {}
    for cells in (line.split(",") for line in lines):
        if cells[-1]:
            rows.setdefault(int(cells[1]), []).append([float(cell) for cell in (*cells[-3:], cells[4])])
    return {tid: [sum(column) / len(found) for column in zip(*found)] for tid, found in rows.items()}


class Gil(support.Case):
    def test_holders_and_waiters(self):
        for version, python in support.pythons(support.KINDS):
            options = ("-X", "gil=1") if version in support.FREE_THREADED else ()
            with self.subTest(version=version):
                shares.check_shares(self, lambda: self.measure(python, options))
                self.check_states()

    def measure(self, python, options):
        """How two threads share the GIL is how they share the CPU, which they cannot use without it."""
        truth, self.path = self.capture_target("gil", SECONDS, collect=["-r", RATE], python=python, interpreter=options)
        gil = shares_of_gil(self.path)
        self.gil = {name: gil[tid] for name, (tid, _) in truth["threads"].items()}
        self.cpu = {name: share for name, (_, share) in truth["threads"].items()}
        print({name: [round(value, 1) for value in values] for name, values in self.gil.items()}, self.cpu)
        names = ("compute_a", "compute_b")
        return shares.Shares(
            {name: self.gil[name][0] for name in names},
            {name: self.cpu[name] for name in names},
            support.health(self.path)["ticks"],
        )

    def check_states(self):
        held = self.gil["compute_a"][0] + self.gil["compute_b"][0]
        self.assertGreater(held, 85, "one of the two holds it nearly always")
        ready = self.gil["compute_a"][3] + self.gil["compute_b"][3]  # one that is handed the GIL needs a CPU, too
        for name in ("compute_a", "compute_b"):
            self.assertGreater(sum(self.gil[name][:3]) + ready, 95, "and the other one waits")
        self.assertLess(self.gil["compress"][0], 5, "zlib releases it")
        waiting = self.gil["compress"][1] + self.gil["compress"][2]
        self.assertGreater(100 - waiting, 100 * self.cpu["compress"] - 5, "while it computes it does not wait either")
        self.assertLess(self.gil["sleep"][0], 5)
        frames = {frame["name"] for frame in support.speedscope(self.path).frames}
        self.assertIn("waiting for the GIL [wait]", frames)

    def test_none(self):
        """A free-threaded CPython has a GIL that it does without: nobody holds it, nobody waits for it."""
        for version, python in support.pythons(support.FREE_THREADED):
            with self.subTest(version=version):
                _, path = self.capture_target("gil", 2, python=python)
                self.assertEqual({insight.fields.get("gil_disabled") for insight in self.insights(path)}, {1})
                self.assertEqual({tuple(gil[:3]) for gil in shares_of_gil(path).values()}, {(0, 0, 0)})
                result = support.run(support.CONVERT, "--gil", "-f", "collapsed", path)
                self.assertEqual((result.status, result.out), (0, b""))
                self.assertIn("has no GIL", result.err)

    def insights(self, path):
        return support.of_type(support.dump(path), "insight")

    def test_option(self):
        truth, path = self.capture_target("gil", 3)
        lines = support.run(support.CONVERT, "-q", "--gil", "-f", "collapsed", path).out.decode().splitlines()
        by_thread = {}
        for line in lines:
            self.assertNotIn("waiting for the GIL", line)
            name, _, weight = line.rpartition(" ")
            tid = int(name.split(";")[1].rpartition("(")[2].rstrip(")"))
            by_thread[tid] = by_thread.get(tid, 0) + int(weight)
        computing = sum(by_thread[truth["threads"][name][0]] for name in ("compute_a", "compute_b"))
        self.assertGreater(computing / sum(by_thread.values()), 0.9)
        self.assertLess(sum(by_thread.values()), 3.3e6, "no two hold it at once")

    def test_capture_that_does_not_tell(self):
        old = support.ROOT / "tests/golden/children.pamcap"
        result = support.run(support.CONVERT, "--gil", "-f", "collapsed", old)
        self.assertEqual((result.status, result.out), (0, b""))
        self.assertIn("does not tell who held the GIL", result.err)


class AgainstPySpy(test_pyspy.Against):
    """py-spy --gil and pamconvert --gil of the same process in turn."""

    PY_SPY_OPTIONS = ("--gil",)
    CONVERT_OPTIONS = ("--gil",)

    def test_shares(self):
        support.need_tool("py-spy")
        wrong = self.take_turns(0)
        if wrong:
            wrong &= self.take_turns(test_pyspy.TURNS)
        self.assertEqual(wrong, set(), "these differ by more than 3 standard errors")

    def take_turns(self, first):
        target = self.target("holders", 2 * test_pyspy.TURNS * (test_pyspy.SECONDS + 2))
        wrong = self.compare(target.pid, first)
        target.end()
        return wrong


class Garbage(support.Case):
    def test_share_of_collections(self):
        for version, python in support.pythons(support.KINDS):
            with self.subTest(version=version):
                shares.check_shares(self, lambda: self.measure(python))

    def measure(self, python):
        truth, path = self.capture_target("garbage", SECONDS, collect=["-r", RATE], python=python)
        weights = {"collecting": 0, "computing": 0}
        for frames, weight in support.collapsed(path):
            if frames[-1] == "<garbage collection> [C]":
                self.assertNotIn("compute (", frames[-2], "it makes no garbage")
            weights["collecting" if frames[-1] == "<garbage collection> [C]" else "computing"] += weight
        return shares.Shares(
            weights,
            {"collecting": truth["collecting"], "computing": truth["all"] - truth["collecting"]},
            support.health(path)["ticks"],
        )


if __name__ == "__main__":
    unittest.main()
