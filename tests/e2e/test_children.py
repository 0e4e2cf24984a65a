"""Children are in the capture, with the CPU and memory that they use; with --no-children they are not."""

import os
import unittest

import support

SECONDS = 8
PAGE = os.sysconf("SC_PAGESIZE")


class Children(support.Case):
    def test_sums(self):
        truth, path = self.capture_target("children", SECONDS, collect=["-i", "0.2"])
        records = support.dump(path)
        rows = support.csv_rows(path, "all")
        self.check_counts(rows)
        self.check_processes(records, truth)
        self.check_cpu(records, rows, truth)

    def check_counts(self, rows):
        """One child at first, two in the middle, one at the end."""
        counts = [int(row["children"]) for row in rows if row["children"]]
        self.assertEqual(sorted(set(counts[:-1])), [1, 2])
        self.assertLess(counts.index(1), counts.index(2))
        self.assertEqual(counts[len(counts) // 2], 2)

    def check_processes(self, records, truth):
        pids = {child["pid"] for child in truth["children"]}
        announced = {record.fields["pid"]: record.fields for record in support.of_type(records, "process")}
        target = next(pid for pid, fields in announced.items() if fields.get("is_target"))
        self.assertEqual(set(announced), {target, *pids})
        for pid in pids:
            self.assertEqual(announced[pid]["parent_pid"], target)
        self.assertLessEqual(
            pids,
            {record.fields["pid"] for record in support.of_type(records, "process_exit")}
            | {truth["children"][-1]["pid"]},
        )  # the last may end with the target

    def check_cpu(self, records, rows, truth):
        """The CPU seconds of each child as the kernel told its parent, and their sum in the column."""
        total = 0
        for child in truth["children"]:
            used = [
                record.fields["cpu_ns_plus1"]
                for record in support.of_type(records, "resource")
                if record.fields["pid"] == child["pid"]
            ]
            self.assertAlmostEqual(used[-1] / 1e9, child["cpu"], delta=0.05 * child["cpu"] + 0.2)
            total += (used[-1] - (used[0] if child["started"].startswith("exec") else 0)) / 1e9
        at = [0.0] + [float(row["elapsed_seconds"]) for row in rows]
        column = sum(float(row["children_cpu_percent"]) / 100 * (at[i + 1] - at[i]) for i, row in enumerate(rows))
        print(f"CPU of children: {total:.2f} s in records, {column:.2f} s in the column, truth {truth['children']}")
        self.assertAlmostEqual(column, total, delta=0.05 * total + 0.1)

    def test_memory(self):
        target = self.target("children", SECONDS)
        path = self.collect("-p", target.pid, "-d", "1.2", "-i", "0.5")
        with open(f"/proc/{target.pid}/task/{target.pid}/children", encoding="ascii") as file:
            child = int(file.read().split()[0])
        with open(f"/proc/{child}/statm", encoding="ascii") as file:
            megabytes = int(file.read().split()[1]) * PAGE / (1 << 20)
        self.assertAlmostEqual(
            float(support.csv_rows(path, "all")[-1]["children_memory_mb"]), megabytes, delta=0.02 * megabytes
        )

    def test_no_children(self):
        target = self.target("children", SECONDS)
        path = self.collect("-p", target.pid, "-d", "1.2", "-i", "0.5", "--no-children")
        records = support.dump(path)
        self.assertEqual({record.fields["pid"] for record in records if "pid" in record.fields}, {target.pid})
        for row in support.csv_rows(path, "all"):
            self.assertEqual(row["children"], "0")
            self.assertEqual(float(row["children_cpu_percent"] or 0), 0)


if __name__ == "__main__":
    unittest.main()
