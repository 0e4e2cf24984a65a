"""Each CPython that is here, release, debug and free-threaded: what is read of it is what docs/pythons.md says.

    test_versions.py --bless    writes what is seen here into that table; in-vm --bless, what is seen on arm64
"""

import csv
import platform
import re
import sys
import unittest

import support
import test_pending

SECONDS = 1.5 * support.SLOW
TABLE = support.ROOT / "docs/pythons.md"
ARCHITECTURES = {"x86_64": "x86-64", "aarch64": "arm64"}
BUILDS = {"": "release", "d": "debug", "t": "free-threaded"}
OF_INTERPRETERS = ("stacks", "lines", "C function called", "thread names", "several interpreters")
OF_FEATURES = ("GIL", "task of a sample", "`--tasks`", "`--native` between Python's")
FEATURES = (*OF_INTERPRETERS, *OF_FEATURES)
OF_GIL = ("gil_percent", "gil_wait_percent", "run_queue_percent")  # one that is handed the GIL needs a CPU, too
NOT_TRIED = "not tried"  # a feature that the table got after the CPython was seen
BLESS = False


def parts(python):
    """("3.13", "free-threaded") of "3.13t"."""
    version, build = re.fullmatch(r"(3\.\d+)([dt]?)", python).groups()
    return version, BUILDS[build]


def read_table():
    """A dictionary of rows by (version, build); a row is a dictionary by the head of the column."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {(row[0], row[1]): dict(zip(head, row, strict=True)) for row in rows}


def where(row, feature):
    """The architectures where a row says that it is so: all that were seen, none, or some, by their names."""
    seen = {name for name in ARCHITECTURES.values() if row.get(name) == "read"}
    return {"yes": seen, "no": set(), NOT_TRIED: set()}.get(row.get(feature, NOT_TRIED), set(row.get(feature, "").split(", ")))


def bless(row, architecture, seen):
    """Put what is seen on an architecture into the row."""
    before = {name: where(row, name) - {architecture} for name in FEATURES}
    row[architecture] = "read"
    read = [name for name in ARCHITECTURES.values() if row[name] == "read"]
    for name in FEATURES:
        found = [each for each in read if each in before[name] or (each == architecture and seen[name])]
        row[name] = "yes" if found == read else ", ".join(found) or "no"


def write_table(rows):
    head = ["CPython", "build", *ARCHITECTURES.values(), *FEATURES]
    order = sorted(rows, key=lambda key: ([int(part) for part in key[0].split(".")], list(BUILDS.values()).index(key[1])))
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(rows[key].get(name, NOT_TRIED) for name in head) + " |" for key in order]
    before = TABLE.read_text().split("\n|", 1)[0]
    after = TABLE.read_text().rsplit("|\n", 1)[1]
    TABLE.write_text(before + "\n" + "\n".join(lines) + "\n" + after)


class Versions(support.Case):
    def capture(self, name, python, *options, interpreter=()):
        """What the target knows, and a capture of half of its time."""
        target = self.target(name, SECONDS, python=python, interpreter=interpreter)
        with self.placed(target.pid, together=True):
            path = self.collect("-q", "-p", target.pid, "-d", SECONDS / 2, *options, name=f"{target.pid}.pamcap")
        health = support.health(path)
        self.assertLessEqual(health.get("failed", 0), 0.02 * health["wanted"] + 2)
        return target.truth(), path

    def observe_interpreters(self, python):
        """What is read of a program with threads in two interpreters."""
        truth, path = self.capture("interpreters", python)
        document = support.speedscope(path)
        stacks = list(document.stacks(document.thread(truth["main"])))
        weight = sum(weight for _, weight in stacks)
        outer = ("<module>", "main", "enter")
        inner = (*outer, "<module>", "entered", "inner_work")
        shares = {chain: sum(w for stack, w in stacks if stack[: len(chain)] == chain) / weight for chain in (outer, inner)}
        lines = {frame["line"] for frame in document.frames if frame["name"] == "enter" and frame.get("line")}
        leaves = {stack[-1] for profile in document.profiles[:-1] for stack, _ in document.stacks(profile) if stack}
        names = {f"{name} ({truth[key]})" for key, name in (("main", "MainThread"), ("inside", "inside"), ("outside", "outside"))}
        return (
            shares[outer] > 0.8,
            lines == {truth["line"]},
            {"sum [C]", "time.sleep [C]"} <= leaves,
            names <= set(document.names),
            shares[inner] > 0.8,
        )

    def observe_gil(self, python, build):
        """Who holds it, and who waits for it, of two threads that compute; a free-threaded CPython is told to have one."""
        truth, path = self.capture("features", python, interpreter=("-X", "gil=1") if build == "free-threaded" else ())
        main = str(truth["main"])
        rows = csv.DictReader(self.convert(path, "-q", "-f", "csv-threads").out.decode().splitlines())
        gil = [[float(row[name] or 0) for name in OF_GIL] for row in rows if row["tid"] == main]
        held, *without = (sum(column) / len(gil) for column in zip(*gil)) if gil else (0,)
        return held > 5 and held + sum(without) > 75

    def observe_features(self, python):
        """What is read of a program that has tasks and calls C."""
        truth, path = self.capture("features", python, "--tasks", SECONDS / 8, "--native")
        main = str(truth["main"])
        lines = [(" ".join(frames), weight) for frames, weight in support.collapsed(path, "samples")
                 if frames[1].endswith(f"({main})") and any(frame.startswith("key (") for frame in frames)]
        merged = r" computes \([^)]*\) (\S+ \([^:)]*\) )+key \("
        shares = [sum(w for stack, w in lines if re.search(part, stack)) / max(1, sum(w for _, w in lines))
                  for part in (" task: computes ", merged)]
        _, tasks = test_pending.parse(self.convert(path, "-q", "-f", "tasks").out.decode())
        chains = [task["chain"] for task in tasks.get("waits", [])]
        return shares[0] > 0.9, chains == [truth["chain"]], shares[1] > 0.8

    def observe(self, python, build):
        """By feature, whether it is read."""
        seen = (*self.observe_interpreters(python), self.observe_gil(python, build), *self.observe_features(python))
        return dict(zip(FEATURES, map(bool, seen), strict=True))

    def test_table(self):
        support.need_root("use perf_event on whole CPUs, as --native does")
        architecture = ARCHITECTURES[platform.machine()]
        rows = read_table()
        for python, path in support.pythons():
            with self.subTest(python=python):
                version, build = parts(python)
                seen = self.observe(path, build)
                print(f"{python} on {architecture}: {seen}")
                if BLESS:
                    new = {"CPython": version, "build": build, **dict.fromkeys(ARCHITECTURES.values(), "same offsets")}
                    bless(rows.setdefault((version, build), new), architecture, seen)
                    continue
                row = rows[version, build]
                self.assertIn(row[architecture], ("read", "same offsets"))
                told = row | {architecture: "read"}  # as it is, or as its offsets let one expect
                self.assertEqual(seen, {name: architecture in where(told, name) for name in FEATURES})
        if BLESS:
            write_table(rows)


if __name__ == "__main__":
    if "--bless" in sys.argv:
        sys.argv.remove("--bless")
        BLESS = True
    unittest.main()
