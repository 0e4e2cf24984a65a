"""Captures that are kept here give, in every format, the bytes that are kept here; also when they were damaged."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "expected"
CAPTURES = ("threads", "children", "service", "waits", "gil", "counters", "tasks")
SYNC = b"\xf1PB\x9d"
BLESS = False

VARIANTS = {
    "cpu.collapsed": ["-f", "collapsed", "--weight", "cpu"],
    "samples.collapsed": ["-f", "collapsed", "--weight", "samples"],
    "all.csv": ["-f", "csv", "--columns", "all"],
}
FILTERS = {
    "window.collapsed": ["-f", "collapsed", "--from", "begin here", "--to", "end"],
    "window.csv": ["-f", "csv", "--from", "begin here", "--to", "end"],
    "no-idle.collapsed": ["-f", "collapsed", "--no-idle"],
    "on-cpu.speedscope.json": ["-f", "speedscope", "--on-cpu"],
    "one.collapsed": ["-f", "collapsed", "--thread", "Grüße|スレッド"],
}


def blocks(data):
    """Where blocks start."""
    starts, at = [], data.find(SYNC)
    while at >= 0:
        starts.append(at)
        at = data.find(SYNC, at + 1)
    return starts


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def damages(data):
    """What can have happened to a capture: name, bytes."""
    starts = blocks(data)
    middle, after = starts[len(starts) // 2], starts[len(starts) // 2 + 1]
    yield "cut-in-payload", data[:-20]
    yield "cut-in-header", data[: starts[-1] + 17]
    yield "cut-between", data[: starts[-1]]
    yield "cut-at-once", data[: starts[0]]
    yield "payload", flip(data, middle + 60)
    yield "header", flip(data, middle + 25)
    yield "sync", flip(data, middle)
    yield "first-block", flip(data, starts[0] + 60)
    yield "missing", data[:middle] + data[after:]
    yield "twice", data[:after] + data[middle:]
    yield "inserted", data[:middle] + b"line\r\nends and other junk " * 5 + data[middle:]
    yield "removed", data[: middle + 70] + data[middle + 75 :]
    yield "zeros", data[:middle] + bytes(after - middle) + data[after:]
    yield "tail", data + b"something else was appended"
    yield "text-mode", data.replace(b"\n", b"\r\n")


class Golden(support.Case):
    def check(self, name, result):
        """Compare with what is kept, or keep it."""
        told = f"status {result.status}\n{result.err}" if result.status or result.err else ""
        for file, got in ((EXPECTED / name, result.out), (EXPECTED / f"{name}.err", told.encode())):
            if BLESS:
                file.unlink(missing_ok=True)
                if got or file.suffix != ".err":
                    file.write_bytes(got)
            expected = file.read_bytes() if file.exists() else b"" if file.suffix == ".err" else None
            if got != expected:
                kept = self.keep(name, got)
                self.fail(f"{file.name} differs; what came is in {kept}\n" + first_difference(expected or b"", got))

    def keep(self, name, got):
        folder = support.ROOT / "build/golden"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(got)
        return folder / name

    def convert_in(self, folder, capture, options):
        return support.run(support.CONVERT, *options, capture, cwd=folder)

    def test_formats(self):
        """Each that --list-formats knows, so that none can be added without a golden."""
        names = [line.split()[0] for line in support.run(support.CONVERT, "--list-formats").out.decode().splitlines()]
        formats = {**{name: ["-f", name] for name in names}, **VARIANTS}
        for capture in CAPTURES:
            for suffix, options in formats.items():
                if (capture, suffix) == ("service", "dump"):
                    continue  # large, and nothing new in it
                with self.subTest(capture=capture, format=suffix):
                    self.check(f"{capture}.{suffix}", self.convert_in(HERE, f"{capture}.pamcap", options))

    def test_weight_by_event(self):
        for suffix, format in (("page-faults.collapsed", "collapsed"), ("page-faults.speedscope.json", "speedscope")):
            options = ["-f", format, "--weight", "page-faults"]
            self.check(f"counters.{suffix}", self.convert_in(HERE, "counters.pamcap", options))

    def test_positions(self):
        for capture, format in (("service", "collapsed"), ("service", "speedscope"), ("tasks", "tasks")):
            options = ["-f", format, "--positions"]
            self.check(f"{capture}.positions.{format}", self.convert_in(HERE, f"{capture}.pamcap", options))

    def test_filters(self):
        for suffix, options in FILTERS.items():
            with self.subTest(filter=suffix):
                self.check(f"threads.{suffix}", self.convert_in(HERE, "threads.pamcap", options))

    def test_gil(self):
        self.check("gil.gil.collapsed", self.convert_in(HERE, "gil.pamcap", ["-f", "collapsed", "--gil"]))

    def test_damage(self):
        data = (HERE / "threads.pamcap").read_bytes()
        for name, damaged in damages(data):
            with self.subTest(damage=name):
                (self.folder / "damaged.pamcap").write_bytes(damaged)
                self.check(f"damaged.{name}", self.convert_in(self.folder, "damaged.pamcap", ["-f", "collapsed"]))
                for format in ("speedscope", "csv", "dump", "csv-threads"):  # no crash, and the same judgement
                    other = self.convert_in(self.folder, "damaged.pamcap", ["-f", format])
                    self.assertIn(other.status, (0, 1), other.err)

    def test_a_cut_anywhere_is_a_warning(self):
        data = (HERE / "children.pamcap").read_bytes()
        for size in range(12, len(data), max(1, len(data) // 60)):
            (self.folder / "cut.pamcap").write_bytes(data[:size])
            result = self.convert_in(self.folder, "cut.pamcap", ["-f", "collapsed"])
            self.assertEqual(result.status, 0, f"cut at {size}: {result.err}")
            self.assertIn("ends early", result.err)

    def test_what_is_before_the_damage_is_kept(self):
        """And nothing is made up: no stack that the whole capture does not have."""

        def stack(frames):  # a thread by its id: its name may have been another one so far
            return (frames[0], frames[1].rpartition(" ")[2], *frames[2:])

        whole = {stack(frames) for frames, _ in support.collapsed(HERE / "threads.pamcap")}
        for name, damaged in damages((HERE / "threads.pamcap").read_bytes()):
            path = self.folder / f"{name}.pamcap"
            path.write_bytes(damaged)
            new = {stack(frames) for frames, _ in support.collapsed(path) if frames[2:] != ["[unknown]"]} - whole
            self.assertEqual(new, set(), name)


def first_difference(a, b):
    old, new = a.splitlines(), b.splitlines()
    for number, (line, other) in enumerate(zip(old, new), 1):
        if line != other:
            return f"line {number}:\n- {line[:300]}\n+ {other[:300]}"
    return f"{len(old)} lines before, {len(new)} now"


if __name__ == "__main__":
    if "--bless" in sys.argv:
        sys.argv.remove("--bless")
        BLESS = True
        EXPECTED.mkdir(exist_ok=True)
        for old in EXPECTED.iterdir():
            old.unlink()
    unittest.main()
