"""Checks that pamconvert and the reader that was written from the page alone agree on whole and damaged captures."""

import collections
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
try:
    import pamcap
    import pamstream
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

PROGRAMS = Path(os.environ.get("PAM_BIN", HERE.parents[1] / "build" / "dev" / "bin"))
NOT_PERMITTED = 4
TOLERANCE_US = 5

# It has threads that compute, sleep, end and begin, and many different stacks.
TARGET = """
import asyncio, random, sys, threading, time

body = "    for _ in range(3):\\n        if depth:\\n            random.choice(functions)(depth - 1)\\n"
exec("".join(f"def step_{i}(depth):\\n{body}    return sum(range(200))\\n" for i in range(60)))
functions = [value for name, value in sorted(globals().items()) if name.startswith("step_")]
stop = time.monotonic() + float(sys.argv[1])

def busy():
    while time.monotonic() < stop:
        random.choice(functions)(9)

def sleepy():
    while time.monotonic() < stop:
        time.sleep(0.02)

async def step(number):
    functions[number](4)
    await asyncio.sleep(0.001 * number)
    functions[number](4)

async def steps():
    while time.monotonic() < stop:
        named = [asyncio.create_task(step(i), name=f"step; {i}") for i in range(4)]
        await asyncio.gather(step(5), *named)

threads = [threading.Thread(target=busy, name="busy; one"), threading.Thread(target=sleepy, name="Schläfer"),
           threading.Thread(target=asyncio.run, args=(steps(),), name="loop")]
for thread in threads:
    thread.start()
while time.monotonic() < stop:
    short = threading.Thread(target=functions[0], args=(4,), name="short")
    short.start()
    short.join()
    time.sleep(0.1)
for thread in threads:
    thread.join()
"""


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False)


def convert(capture: Path, form: str) -> subprocess.CompletedProcess:
    return run(PROGRAMS / "pamconvert", "--format", form, capture)


def times_of(lines: str) -> collections.Counter:
    """Collapsed stacks as a table; lines that only differed in what was stripped are summed."""
    times: collections.Counter = collections.Counter()
    for line in lines.splitlines():
        stack, _, time_us = line.rpartition(" ")
        times[stack] += int(time_us)
    return times


def read_by_program(capture: Path) -> tuple[collections.Counter, tuple[int, int, int]]:
    """Stacks, without the process at the root and what is no Python at the leaf, and the loss that pamconvert tells."""
    result = convert(capture, "collapsed")
    lines = re.sub(r"(?m)^process \d+;", "", result.stdout)
    times = times_of(re.sub(r"(?m)(;[^;\n]* \[(C|wait)\])+(?= \d+$)", "", lines))
    damaged = re.search(r"(\d+) blocks and \d+ records could not be read, (\d+) bytes belong to none", result.stderr)
    missing = re.search(r"(\d+) blocks are missing or depend on missing ones", result.stderr)
    blocks, stray_bytes = map(int, damaged.groups()) if damaged else (0, 0)
    return times, (blocks, stray_bytes, int(missing[1]) if missing else 0)


def read_by_reader(data: bytes) -> tuple[collections.Counter, tuple[int, int, int]]:
    """The same by the module."""
    profile = pamcap.Profile()
    lost: collections.Counter = collections.Counter()
    for event in pamstream.Reader(data):
        profile.feed(event)
        if isinstance(event, pamstream.Gap):
            lost[event.reason] += event.amount
    profile.finish()
    times = {stack: round(time_ns / 1000) for stack, time_ns in pamcap.collapsed_times(profile).items()}
    missing = lost[pamstream.REASON_MISSING] + lost[pamstream.REASON_FRAME]
    loss = lost[pamstream.REASON_PAYLOAD], lost[pamstream.REASON_BYTES], missing
    return collections.Counter(times), loss


class Agreement(unittest.TestCase):
    """pamconvert and pamcap.py read the same."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.capture = cls.folder / "whole.pamcap"
        target = cls.folder / "target.py"
        target.write_text(TARGET, encoding="utf-8")
        for seconds in (6, 12, 24, 48):  # how much is caught depends on the machine: more than a zstd frame is wanted
            cls.collect(target, seconds)
            if sum(block.flags & pamstream.FRAME_STARTS != 0 for block in cls.blocks) > 1:
                return
        raise AssertionError(f"the capture has one zstd frame only, of {len(cls.blocks)} blocks")

    @classmethod
    def collect(cls, target: Path, seconds: int) -> None:
        options = ["--quiet", "--rate", 5000, "--output", cls.capture]
        result = run(PROGRAMS / "pamcollect", *options, "--", sys.executable, target, seconds)
        if result.returncode == NOT_PERMITTED:
            raise unittest.SkipTest(f"pamcollect may not read the target: {result.stderr.strip()}")
        if result.returncode:
            raise AssertionError(f"pamcollect: exit status {result.returncode}: {result.stderr}")
        cls.data = cls.capture.read_bytes()
        cls.blocks = [block for block, _ in pamstream.whole_blocks(cls.data)]

    def flipped(self, block: pamstream.Block) -> bytes:
        data = bytearray(self.data)
        data[block.payload_offset + block.stored_bytes // 2] ^= 0x10
        return bytes(data)

    def check_agreement(self, data: bytes) -> collections.Counter:
        capture = self.folder / "copy.pamcap"
        capture.write_bytes(data)
        (theirs, their_loss), (ours, our_loss) = read_by_program(capture), read_by_reader(data)
        apart = {
            stack: (theirs[stack], ours[stack])
            for stack in theirs.keys() | ours.keys()
            if abs(theirs[stack] - ours[stack]) > TOLERANCE_US
        }
        if apart:
            some = "".join(f"\n  {stack}: {times}" for stack, times in sorted(apart.items())[:10])
            self.fail(f"{len(apart)} stacks differ in (pamconvert, pamcap.py) microseconds:{some}")
        self.assertEqual(their_loss, our_loss, "(damaged blocks, bytes of no block, missing blocks)")
        return ours

    def test_whole(self):
        times = self.check_agreement(self.data)
        for thread in ("MainThread", "busy: one", "Schläfer"):
            self.assertTrue(any(stack.startswith(f"{thread} (") for stack in times), thread)
        for task in ("step", "steps", "step: 1"):
            self.assertTrue(any(f";task: {task};" in stack for stack in times), task)
        result = run(sys.executable, HERE / "pamcap.py", "collapsed", self.capture)
        self.assertEqual(times_of(result.stdout), times, result.stderr)

    def test_counts_of_records(self):
        dumped = re.findall(r"(?m)^ *\d+\.\d+ (\w+)", convert(self.capture, "dump").stdout)
        records = [event.name for event in pamstream.Reader(self.data) if isinstance(event, pamstream.Record)]
        self.assertEqual(collections.Counter(dumped), collections.Counter(records))
        self.assertEqual(records[-1], "end")

    def test_truncated(self):
        block = self.blocks[len(self.blocks) // 2]
        for size in (block.offset, block.offset + 7, block.payload_offset, block.payload_offset + 100):
            with self.subTest(size=size):
                self.check_agreement(self.data[:size])

    def test_flipped_byte_with_all_behind_it_lost(self):
        last_frame = [block for block in self.blocks if block.flags & pamstream.FRAME_STARTS][-1]
        block = self.blocks[(last_frame.sequence + len(self.blocks)) // 2]
        self.check_agreement(self.flipped(block))

    def block_before_another_frame(self) -> pamstream.Block:
        frames = [block for block in self.blocks if block.flags & pamstream.FRAME_STARTS]
        return self.blocks[frames[1].sequence - 3]

    def test_flipped_byte_with_a_frame_behind_it(self):
        times = self.check_agreement(self.flipped(self.block_before_another_frame()))
        # Of the thread alone: a stack that was cut ends so, too.
        self.assertTrue(any(re.search(r" \(?\d+\)?;\[unknown\]$", stack) for stack in times))

    def test_bytes_gone_and_come(self):
        at = self.block_before_another_frame().payload_offset + 20
        for name, size, filler in (("gone", 50, b""), ("come", 0, bytes(50))):
            with self.subTest(name):
                self.check_agreement(self.data[:at] + filler + self.data[at + size :])


class Profiles(unittest.TestCase):
    """What the module offers to other tests."""

    def test_every_record_of_the_page_has_fields(self):
        for name, fields in pamstream.load_schema().values():
            self.assertTrue(fields, name)

    def test_a_file_that_is_no_capture(self):
        for data in (b"", b"\x89PAMCAP\n", b"\x89PAMCAP\n\x02\0\0\0", bytes(100)):
            with self.assertRaises(pamstream.CaptureError):
                pamstream.Reader(data)

    def test_lines(self):
        table = bytes([0xE8, 6, 0xD9, 0, 5, 0xF8, 0xF0, 5, 1, 1, 1])
        lines = [pamcap.line_of_unit(table, 100, unit) for unit in range(6)]
        self.assertEqual(lines, [103, 104, 104, None, 102, None])

    def test_lines_of_older_versions(self):
        """The examples of the unit tests of the converter."""
        lnotab, ranges = b"\x00\x07\x04\xfd", b"\x04\x00\x02\x80\x02\xff"
        self.assertEqual([pamcap.line_by_lnotab(lnotab, 10, unit) for unit in range(4)], [17, 17, 14, 14])
        self.assertEqual([pamcap.line_by_ranges(ranges, 10, unit) for unit in range(5)], [10, 10, None, 9, None])


if __name__ == "__main__":
    unittest.main()
