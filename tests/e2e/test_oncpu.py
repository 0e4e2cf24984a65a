"""The on-CPU clock: how often it found a thread on a CPU, and in the kernel, against the thread's own account."""

import collections
import csv
import math
import os
import shutil
import unittest

import support

NOBODY = 65534
SECONDS = 12
RATE = int(500 / support.SLOW)  # a clock that is late skips, and an emulated one is late


class OnCpu(support.Case):
    def counted(self, path):
        """By the thread's name: records of the clock, and how many of them in the kernel."""
        records = support.dump(path)
        mode = support.of_type(records, "mode")[0].fields
        if not mode.get("on_cpu"):
            self.skipTest(f"no on-CPU clock here: {mode['reason']}")
        names = {record.fields["id"]: record.fields for record in support.of_type(records, "thread")}
        texts = {record.fields["id"]: record.fields["text"] for record in support.of_type(records, "string")}
        watched = self.watched(records)
        counts = {}
        shares = {texts[names[thread]["name"]]: share for thread, (_, share) in watched.items()}
        for record in support.of_type(records, "on_cpu"):
            thread = record.fields["thread"]
            name = texts[names[thread]["name"]]
            all_of_it, in_kernel = counts.get(name, (0, 0))
            if record.time <= watched[thread][0]:
                counts[name] = all_of_it + 1, in_kernel + record.fields.get("in_kernel", 0)
        return mode["on_cpu"], mode["on_cpu_period_ns"] / 1e9, counts, shares

    def watched(self, records):
        """By thread, until when and for what share of its CPU time the clock was there: where switches are many and records
        of them dear, the collector goes over to schedstat, and there is no clock from then on."""
        modes = support.of_type(records, "mode")
        change = next((record.time for record in modes if not record.fields.get("on_cpu")), math.inf)
        read = collections.defaultdict(list)
        for record in support.of_type(records, "thread_cpu"):
            read[record.fields["thread"]].append((record.time, record.fields["cpu_us"]))
        found = collections.defaultdict(lambda: (math.inf, 1))  # a thread that hardly runs is not read
        for thread, times in read.items():
            before = [each for each in times if each[0] <= change]
            share = (before[-1][1] - times[0][1]) / max(1, times[-1][1] - times[0][1])
            found[thread] = (math.inf, 1) if change == math.inf else (before[-1][0], share)
        return found

    def check_times(self, path, truth):
        """A record stands for a period of CPU time: within 3 standard errors of the thread's clock."""
        sees, period, counts, shares = self.counted(path)
        for name, told in truth.items():
            seen = shares[name] * (told["cpu"] - (told["kernel"] if sees == 2 else 0))
            counted = counts.get(name, (0, 0))[0] * period
            error = (told["cpu"] * period) ** 0.5 + 0.02 * support.SLOW * told["cpu"]
            print(f"{name}: {seen:.3f} s of CPU, counted {counted:.3f}, {(counted - seen) / error:+.2f} standard errors")
            self.assertLess(abs(counted - seen), 3 * error)
        return sees, counts

    def test_as_root(self):
        support.need_root("watch whole CPUs")
        truth, path = self.capture_target("modes", SECONDS, collect=("-r", RATE))
        sees, counts = self.check_times(path, truth)
        if sees != 1:
            self.skipTest("root may not watch whole CPUs here")
        for name in ("own", "kernel", "both"):
            of_all, in_kernel = counts[name]
            told = truth[name]["kernel"] / truth[name]["cpu"]
            print(f"{name}: {in_kernel / of_all:.3f} in the kernel, by rusage {told:.3f}")
            self.assertAlmostEqual(in_kernel / of_all, told, delta=0.1)
        self.assertGreater(truth["kernel"]["kernel"] / truth["kernel"]["cpu"], 0.5)  # else it says nothing
        self.check_table(path, counts)

    def check_table(self, path, counts):
        """csv-threads adds up to the records but for those before its first and after its last row."""
        lines = support.run(support.CONVERT, "-q", "-f", "csv-threads", path).out.decode().split("\r\n")
        columns = lines[0].split(",")
        sums = {}
        for line in lines[1:-1]:
            row = dict(zip(columns, line.split(",")))
            before = sums.get(row["thread"], (0, 0))
            sums[row["thread"]] = before[0] + int(row["on_cpu_samples"]), before[1] + int(row["kernel_samples"])
        for name in ("own", "kernel", "both"):
            for counted, summed in zip(counts[name], sums[name]):
                self.assertLessEqual(summed, counted)
                self.assertGreaterEqual(summed, 0.75 * counted - 5)

    def test_as_an_ordinary_user(self):
        """Who may not watch whole CPUs sees user mode only, and the kernel's part is unknown, not 0."""
        support.need_root("become another user")
        if not os.access("/usr/bin/python3.11", os.X_OK):
            self.skipTest("no /usr/bin/python3.11, and Pythons under /root are not for everyone")
        as_nobody = [support.need_tool("setpriv"), "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]
        self.folder.chmod(0o777)
        shutil.copy(support.COLLECT, self.folder / "pamcollect")
        shutil.copytree(support.TARGETS, self.folder / "targets")
        target = support.Target(
            [*as_nobody, "/usr/bin/python3.11", self.folder / "targets/modes.py", "--seconds", SECONDS]
        )
        self.addCleanup(target.end)
        path = self.folder / "c.pamcap"
        result = support.run(
            *as_nobody, self.folder / "pamcollect", "-q", "-r", RATE, "-p", target.pid, "-o", path
        )
        if result.status == 4:
            self.skipTest(f"an ordinary user may not read own processes here: {result.err}")
        self.assertEqual(result.status, 0, result.err)
        sees, _ = self.check_times(path, target.truth())
        if sees == 2:
            text = support.run(support.CONVERT, "-q", "-f", "csv-threads", path).out.decode()
            rows = list(csv.DictReader(text.splitlines()))
            self.assertTrue(rows)
            self.assertEqual({row["kernel_samples"] for row in rows}, {""})


if __name__ == "__main__":
    unittest.main()
