"""A day of churn in 20 seconds: the collector's memory and its open files stay as they were.

PAM brings about 1 KB/s of code that was not seen before (86 MB a day), a thread now and then, and a new epoch
every half an hour (48 a day). Here each life is a thread, a code object of 15 KB and names that never come again,
800 times a second: about as many bytes, half as many epochs, and 16,000 threads.

    PAM_SOAK_SECONDS=3600 tests/run -R soak    soaks for an hour
"""

import os
import struct
import subprocess
import time
import unittest

import support

SECONDS = float(os.environ.get("PAM_SOAK_SECONDS", "20"))
MOST = 5_000_000  # bytes of resident memory
SLACK = 200_000  # by which the last third may be above the one before: pages that a fuller epoch touches first


def blocks(path):
    """Yield (epoch, bytes of records) of each block."""
    data, at = path.read_bytes(), 12
    while at < len(data):
        epoch, raw, stored = struct.unpack_from("<III", data, at + 20)
        yield epoch, raw
        at += 40 + stored


def health_records(path):
    """All of them; the dump has a line for each of a million records, so it is not kept."""
    with subprocess.Popen([support.CONVERT, "-q", "-f", "dump", path], stdout=subprocess.PIPE, text=True) as dump:
        lines = [line for line in dump.stdout if line.split(None, 2)[1] == "health"]
    return [{key: int(value) for key, value in support.FIELD.findall(line)} for line in lines]


def thirds(values):
    third = len(values) // 3
    return values[:third], values[third : -third], values[-third:]


class Soak(support.Case):
    def open_files(self, collector, target):
        """How many the collector has, looked at until the target ends."""
        counts = []
        while target.process.poll() is None:
            counts.append(len(os.listdir(f"/proc/{collector.pid}/fd")))
            time.sleep(0.2)
        return counts

    def test_memory_and_files_are_flat(self):
        support.need_plain_build("needs memory of its own")
        path = self.folder / "soak.pamcap"
        target = self.target("lives", SECONDS)
        collector = self.start(support.COLLECT, "-q", "-p", target.pid, "-r", 1000, "-i", 0.25, "-o", path)
        files = self.open_files(collector, target)
        self.assertEqual(collector.wait(support.TIMEOUT * support.SLOW), 0)
        lives = target.truth()["lives"]
        epochs = [epoch for epoch, _ in blocks(path)]
        churned = sum(raw for _, raw in blocks(path))
        memory = [record["own_rss_bytes"] for record in health_records(path)]
        highest = [max(part) for part in thirds(memory)]
        print(f"{lives} lives, {churned / 1e6:.0f} MB of records in {epochs[-1]} epochs; memory by thirds "
              f"{[f'{most / 1e6:.2f} MB' for most in highest]}; {min(files)} to {max(files)} open files")
        self.assertGreater(epochs[-1], 4)
        self.assertLess(highest[2], highest[1] + SLACK)
        self.assertLess(max(memory), MOST)
        # A ring a CPU, and a file for each thread that is there: more for a tick, none left over.
        first, _, last = thirds(files)
        self.assertLessEqual(sorted(last)[len(last) // 2], sorted(first)[len(first) // 2] + 3)


if __name__ == "__main__":
    unittest.main()
