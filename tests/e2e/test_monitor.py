"""CPU and memory over time are what psutil measures of the same process in the same windows."""

import threading
import time
import unittest

import support

SECONDS = 10
# Works a little, then also holds 64 MiB.
SCRIPT = f"""
import os, random, time
print('{{"pid": %d}}' % os.getpid(), flush=True)
end = time.monotonic() + {SECONDS + 4}
keep, half = None, time.monotonic() + {SECONDS / 2}
while time.monotonic() < end:
    busy = time.monotonic() + random.uniform(0.001, 0.01)
    while time.monotonic() < busy:
        pass
    time.sleep(random.uniform(0.001, 0.02))
    if keep is None and time.monotonic() > half:
        keep = b"x" * (64 << 20)
"""


class Monitor(support.Case):
    def watch(self, pid, done):
        """(CLOCK_MONOTONIC, CPU seconds, resident bytes) by psutil until it is done."""
        process = support.need_module("psutil").Process(pid)
        seen, last = [], False
        while True:
            times = process.cpu_times()
            seen.append((time.monotonic(), times.user + times.system, process.memory_info().rss))
            if last:
                return seen
            last = done.wait(0.1)  # and a look after that: the end of the last row lies between two, too

    def capture(self):
        support.need_module("psutil")
        target = support.Target([support.need_python(), "-c", SCRIPT])
        self.addCleanup(target.end)
        done = threading.Event()
        seen = []
        watcher = threading.Thread(target=lambda: seen.extend(self.watch(target.pid, done)))
        watcher.start()
        try:
            path = self.collect("-p", target.pid, "-d", str(SECONDS), "-i", "1")
        finally:
            done.set()
            watcher.join()
        return seen, path

    def test_against_psutil(self):
        seen, path = self.capture()
        start = support.of_type(support.dump(path), "session")[0].fields["start_monotonic_ns"] / 1e9
        rows = support.csv_rows(path, "all")
        self.assertGreaterEqual(len(rows), SECONDS - 1)
        before = start
        for row in rows:
            at = start + float(row["elapsed_seconds"])
            cpu = 100 * (between(seen, at, 1) - between(seen, before, 1)) / (at - before)
            print(
                f"{row['elapsed_seconds']} s: CPU {row['cpu_percent']} %, psutil {cpu:.2f} %, "
                f"memory {row['memory_mb']}, psutil {around(seen, at)[0]:.2f} to {around(seen, at)[1]:.2f}"
            )
            # psutil counts in hundredths of a second: one more or less at each end of the window.
            allowed = max(2, 0.05 * cpu) + 100 * 0.01 / (at - before)
            self.assertAlmostEqual(float(row["cpu_percent"]), cpu, delta=allowed)
            self.assertGreater(float(row["memory_mb"]), 0.98 * around(seen, at)[0])
            self.assertLess(float(row["memory_mb"]), 1.02 * around(seen, at)[1])
            self.assertAlmostEqual(float(row["user_percent"]) + float(row["system_percent"]), cpu, delta=allowed + 2)
            before = at
        whole = 100 * (between(seen, before, 1) - between(seen, start, 1)) / (before - start)
        mean = sum(float(row["cpu_percent"]) for row in rows) / len(rows)
        self.assertAlmostEqual(mean, whole, delta=max(1, 0.05 * whole))
        memory = [float(row["memory_mb"]) for row in rows]
        self.assertAlmostEqual(memory[-1] - memory[0], 64, delta=2)

    def test_percent_of_memory(self):
        total = support.need_module("psutil").virtual_memory().total
        path = self.collect("-p", self.sleeper(), "-d", "0.5", "-i", "0.2")
        for row in support.csv_rows(path):
            self.assertAlmostEqual(
                float(row["memory_percent"]), 100 * float(row["memory_mb"]) * (1 << 20) / total, delta=0.006
            )

    def test_intervals_do_not_drift(self):
        """Each is on its own deadline: being late for one does not move those that follow."""
        path = self.collect("-p", self.sleeper(), "-d", "6", "-i", "0.1")
        late = [record.time % 0.1 for record in support.dump(path) if record.type == "resource"]
        late = [(value + 0.05) % 0.1 - 0.05 for value in late[:-1]]
        third = len(late) // 3
        print(f"{len(late)} intervals, late by {sorted(late)[len(late) // 2] * 1e3:.2f} ms in the middle")
        self.assertGreaterEqual(len(late), 55)
        self.assertLess(abs(sorted(late[-third:])[third // 2] - sorted(late[:third])[third // 2]), 0.005)

    def test_timestamps(self):
        """Local time of the machine that was measured, ISO 8601 without a zone, and in step with elapsed time."""
        before = time.time()
        path = self.collect("-p", self.sleeper(), "-d", "1", "-i", "0.25", env={"TZ": "Asia/Kathmandu"})
        zone = 5.75 * 3600
        for row in support.csv_rows(path):
            self.assertRegex(row["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$")
            seconds = time.mktime(time.strptime(row["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - zone
            self.assertAlmostEqual(
                seconds + float(row["timestamp"][19:]) - before, float(row["elapsed_seconds"]), delta=0.7
            )


def between(seen, at, column):
    """Linear interpolation."""
    for first, second in zip(seen, seen[1:]):
        if first[0] <= at <= second[0]:
            part = (at - first[0]) / (second[0] - first[0])
            return first[column] + part * (second[column] - first[column])
    return (seen[0] if at < seen[0][0] else seen[-1])[column]


def around(seen, at):
    """The least and the most MiB seen at about that time."""
    near = [row[2] / (1 << 20) for row in seen if abs(row[0] - at) < 0.2]
    return min(near), max(near)


if __name__ == "__main__":
    unittest.main()
