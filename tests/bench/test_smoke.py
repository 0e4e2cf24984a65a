"""The bench runs, with what needs no network and on the smallest workload; its times are not looked at."""

import csv
import os
import pathlib
import sys

import support

HERE = pathlib.Path(__file__).resolve().parent
OPTIONS = ("--smoke", "--tool", "floor", "pamcollect", "--workload", "idle-12")
# measure and column: metrics that must be there
EXPECTED = {
    ("windows", "nothing"): {"target CPU, %", "target switches/s"},
    ("windows", "floor"): {"own CPU, %", "own CPU a tick, us", "samples got, % of wanted"},
    ("windows", "pamcollect"): {"own CPU, %", "own CPU a sample, us", "own peak memory, MB", "file, MB/hour",
                                "start to first sample, ms", "Ctrl-C to finished file, ms",
                                "added to the target, % CPU"},
    ("slowdown", "pamcollect"): {"slower by the clock, upper 95 %"},
    ("switches", "nothing"): {"a switch, ns"},
    ("convert", "pamconvert"): {"time, s", "peak memory, MB", "ends after the collector, ms"},
    ("convert", "decoding alone"): {"records, MB/s of CPU"},
    ("convert", "pamconvert -f speedscope"): {"records, MB/s of CPU", "output, MB"},
}


class Smoke(support.Case):
    def test_table_and_csv(self):
        path = self.folder / "results.csv"
        result = support.run(sys.executable, HERE / "run", *OPTIONS, "--csv", path, "--place", self.folder / "place",
                             timeout=100, env=os.environ | {"PAM_RIG": ""})
        self.assertEqual(result.status, 0, result.err)
        table = result.out.decode()
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for (measure, column), metrics in EXPECTED.items():
            with self.subTest(measure=measure, column=column):
                found = {row["metric"] for row in rows if (row["measure"], row["column"]) == (measure, column)}
                self.assertLessEqual(metrics, found, table)
        for row in rows:
            self.assertIn(row["metric"], table)
            self.assertTrue(row["reason"] or float(row["min"]) <= float(row["median"]) <= float(row["max"]), row)


if __name__ == "__main__":
    support.unittest.main()
