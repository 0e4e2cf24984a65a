"""What pamcollect has in memory: little, and no library that only an option needs."""

import re
import signal
import time
import unittest
from pathlib import Path

import support

MOST_BYTES = 4_000_000  # design.md; at its peak, the libraries' pages that others share included
SECONDS = 3


class Resident(support.Case):
    def memory(self, target, *options):
        """Bytes at the peak, and what was mapped (smaps), seconds after the start."""
        process = self.start(support.COLLECT, "-q", "-p", target.pid, "-o", self.folder / "capture.pamcap", *options)
        until = time.monotonic() + SECONDS * support.SLOW
        while time.monotonic() < until and process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            maps = Path(f"/proc/{process.pid}/smaps").read_text()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 0)
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), maps

    def test_peak(self):
        support.need_plain_build("has a memory of its own")
        for name, rate in (("sleepers", 1000), ("tree", 100), ("storm", 100), ("tasks", 100), ("handover", 100)):
            with self.subTest(target=name, rate=rate):
                peak, maps = self.memory(self.target(name, 10 * SECONDS * support.SLOW), "-r", rate)
                print(f"{name} {rate} Hz: {peak / 1e6:.2f} MB")
                self.assertLess(peak, MOST_BYTES)
                for library in ("libdw", "libpfm"):
                    self.assertNotIn(library, maps)
                # The symbols were looked for at the start: its code was in memory, and is no more.
                self.assertEqual(re.findall(r"r-xp .*/libelf\S*\n(?:.*\n)*?Rss: +(\d+) kB", maps), ["0"])


if __name__ == "__main__":
    unittest.main()
