"""A pipe at 1000 Hz: pamconvert reads along without falling behind, and ends soon after the collector."""

import os
import resource
import signal
import subprocess
import time
import unittest

import support

SECONDS = 8
RATE = 1000
BEHIND = 2.0  # seconds: a block is sent at least every 0.8 s, and the machine is shared
ENDS = 3.0  # seconds from Ctrl-C to a whole output
# Threads that sleep, wake often and work, with a stack of some depth.
SCRIPT = """
import os, threading, time
def work(depth, pause):
    if depth:
        return work(depth - 1, pause)
    while True:
        end = time.perf_counter() + 0.0003
        while time.perf_counter() < end:
            pass
        time.sleep(pause)
for number in range(12):
    threading.Thread(target=work, args=(20 + number, 0.004), name="w%d" % number, daemon=True).start()
print('{"pid": %d}' % os.getpid(), flush=True)
time.sleep(60)
"""


class Live(support.Case):
    def pipeline(self, *options):
        target = support.Target([support.need_python(), "-c", SCRIPT])
        self.addCleanup(target.end)
        collector = self.start(
            *(support.COLLECT, "-q", "-p", target.pid, "-r", RATE, "-i", "0.25", "-o", "-"),
            stdout=subprocess.PIPE,
        )
        converter = self.start(support.CONVERT, "-q", *options, stdin=collector.stdout, stdout=subprocess.PIPE)
        return collector, converter

    def test_rows_come_in_time(self):
        """The age of each row of the live CSV, which says when it was measured."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        collector, converter = self.pipeline("-f", "csv")
        began, ages = None, []
        converter.stdout.readline()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            elapsed = float(converter.stdout.readline().split(b",")[0])
            arrived = time.monotonic()
            began = min(began, arrived - elapsed) if began else arrived - elapsed
            ages.append((arrived, elapsed))
        collector.send_signal(signal.SIGINT)
        rest = converter.stdout.read()
        self.assertEqual((collector.wait(20), converter.wait(20)), (0, 0))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        late = [arrived - began - elapsed for arrived, elapsed in ages]
        print(f"{len(late)} rows, {max(late):.2f} s late at most, {sorted(late)[len(late) // 2]:.2f} s the median one; ")
        print(f"both used {used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime:.2f} s in {SECONDS} s")
        self.assertLess(max(late), BEHIND)
        self.assertGreater(len(late) + rest.count(b"\n"), 4 * (SECONDS - BEHIND))

    def test_ends_soon(self):
        """Ctrl-C reaches both; the converter finishes what the collector still has to say."""
        collector, converter = self.pipeline("-f", "speedscope", "-o", self.folder / "live.json")
        collector.stdout.close()
        time.sleep(SECONDS)
        stopped = time.monotonic()
        for process in (collector, converter):
            os.kill(process.pid, signal.SIGINT)
        self.assertEqual((collector.wait(20), converter.wait(20)), (0, 0))
        took = time.monotonic() - stopped
        document = support.Speedscope((self.folder / "live.json").read_bytes())
        ends = [profile["endValue"] / 1e6 for profile in document.profiles[:-1]]
        print(f"ended {took:.2f} s after Ctrl-C, {len(ends)} threads, {(self.folder / 'live.json').stat().st_size} bytes")
        self.assertLess(took, ENDS)
        self.assertEqual(len(ends), 13)
        self.assertGreater(min(ends), SECONDS - 0.5)

    def test_nothing_is_dropped(self):
        target = support.Target([support.need_python(), "-c", SCRIPT])
        self.addCleanup(target.end)
        path = self.folder / "c.pamcap"
        collector = self.start(
            *(support.COLLECT, "-q", "-p", target.pid, "-r", RATE, "-d", SECONDS / 2, "-o", "-"),
            stdout=subprocess.PIPE,
        )
        copy = self.start("tee", path, stdin=collector.stdout, stdout=subprocess.PIPE)
        converted = support.run(support.CONVERT, "-q", "-f", "dump", stdin=copy.stdout)
        self.assertEqual((collector.wait(20), copy.wait(20), converted.status), (0, 0, 0))
        self.assertEqual(converted.out, support.run(support.CONVERT, "-q", "-f", "dump", path).out)
        told = support.health(path)
        print({name: told.get(name, 0) for name in ("ticks", "late_ticks", "wanted", "failed", "dropped_blocks")})
        self.assertEqual(told.get("dropped_blocks", 0), 0)
        self.assertGreater(told["ticks"], 0.5 * RATE * SECONDS / 2)


if __name__ == "__main__":
    unittest.main()
