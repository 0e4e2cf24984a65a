"""Native and kernel frames stand between the Python frames where they were called, on every version."""

import collections
import math
import os
import pathlib
import re
import shutil
import unittest

import support

SECONDS = 4
PERF_SECONDS = 8
EVAL = "_PyEval_EvalFrameDefault"
UNKNOWN = "[unknown]"
RATE = 250
PROGRAM = """
#include <stdio.h>
#include <unistd.h>
static volatile unsigned long sum;
__attribute__((noinline)) static void inner(void) { for (int i = 0; i < 5000; i++) sum += (unsigned long)i; }
__attribute__((always_inline)) static inline void expanded(void) { inner(); sum++; }
__attribute__((noinline)) static void outer(void) { expanded(); sum++; }
int main(void) { printf("{\\"pid\\": %d}\\n", getpid()); fflush(stdout); for (;;) outer(); }
"""
NAMELESS = re.compile(r"^\[unknown\]|^0x")  # perf's, ours
PYTHON = re.compile(r"^(.*) \((.*):(\d+)\)$")  # else it is a native or a kernel frame
VERSIONS = support.PYTHONS

# Python frames of seams.py -> those that it may call
CALLS = {
    "<module>": {"main"},
    "main": {"through_sorted", "through_qsort", "nested", "direct"},
    "through_sorted": {"key"},
    "through_qsort": {"compare"},
    "key": {"spin"},
    "compare": {"spin"},
    "nested": {"again", "spin"},
    "again": {"nested"},
    "direct": {"direct"},
    "spin": set(),
}
THROUGH_C = {("through_sorted", "key"), ("through_qsort", "compare"), ("nested", "again")}


def need_native():
    if "--native" not in support.run(support.COLLECT, "--help").out.decode():
        raise unittest.SkipTest("this pamcollect has no --native")


def python_name(frame):
    match = PYTHON.match(frame)
    return match and match[1].removesuffix(" [reused]")  # the module's code is freed when it has ended


class Seams(support.Case):
    def setUp(self):
        super().setUp()
        need_native()

    def lines(self, python, tid=None):
        """Stacks with a native part, of the main thread or of `tid`, that are not cut short."""
        target = self.target("seams", SECONDS, python=python)
        with self.placed(target.pid, together=True):
            path = self.collect("-p", target.pid, "--native", "--kernel", "-r", RATE)
        self.tids = {"main": target.pid, "waiting": target.ready["waiting"]}
        health = support.health(path)
        self.without_python = health.get("failed", 0) + health.get("no_frame", 0)
        self.truth = target.truth()
        return support.collapsed(path, weight="samples")

    def of_thread(self, lines, name):
        ending = f"({self.tids[name]})"
        return [(frames[2:], weight) for frames, weight in lines if frames[1].endswith(ending)]

    def check_order(self, frames):
        """Each Python frame is one that the Python frame before it calls, and what is between is where C is."""
        previous, between = None, 0
        for frame in frames:
            name = python_name(frame)
            if not name:
                between += 1
                continue
            if previous:
                self.assertIn(name, CALLS[previous], frames)
                # before 3.11 C is between all of them
                self.assertEqual(bool(between), (previous, name) in THROUGH_C or self.every_call, frames)
            previous, between = name, 0

    def check_version(self, python, version):
        self.every_call = version in support.WITHOUT_QUALNAMES
        lines = self.of_thread(self.lines(python), "main")
        native = [(frames, weight) for frames, weight in lines if not python_name(frames[0])]
        share = sum(weight for _, weight in native) / sum(weight for _, weight in lines)
        cut = unknown = unread = deepest = 0
        for frames, weight in native:
            if frames[0].startswith("["):  # [unknown]
                continue
            python = frames[: frames.index(UNKNOWN)] if UNKNOWN in frames else frames  # then it is native only
            if any(map(python_name, frames)):
                self.assertNotIn(f"{EVAL} (", " ".join(python))  # a stub of that name is on the way to the next
            elif f"{EVAL} (" in " ".join(python):
                unread += weight
            try:
                self.check_order(python)
            except AssertionError:
                cut += weight  # Python's part and the native one are of different moments
                if cut / sum(weight for _, weight in lines) > 0.1:
                    raise
            unknown += weight * (UNKNOWN in frames)
            names = [python_name(frame) for frame in frames]
            deepest = max(deepest, names.count("again"))
        print(f"{version}: {share:.1%} of {sum(weight for _, weight in lines)} samples have native frames, "
              f"{cut} are of two moments, {unknown} go on natively, {deepest} deep")
        self.assertLessEqual(unread, self.without_python)  # its stack is told natively, and it is counted
        self.assertGreater(share, 0.8)
        self.assertEqual(deepest, self.truth["depth"])
        text = "\n".join(";".join(frames) for frames, _ in native)
        self.assertRegex(text, r"through_qsort \([^;]*;(?:[^;]*;)*qsort(_r)? \(libc[^;]*;(?:[^;]*;)*compare \(")
        self.assertRegex(text, r"\n_start \(")
        self.assertRegex(text, r"direct \([^;]*;(?:[^;]*;)*deflate \(libz")

    def test_versions(self):
        tried = 0
        for version in VERSIONS:
            python = support.find_python(version)
            if not python:
                continue
            refused = support.run(support.COLLECT, "-p", self.sleeper(python=python), "-d", "0.1", "-o", self.folder / "x")
            if refused.status == 3:
                print(f"{version}: {refused.err.strip()}")
                continue
            tried += 1
            with self.subTest(version=version):
                self.check_version(python, version)
        self.assertGreater(tried, 0)

    def test_loop_of_another_machine(self):
        """Most of 3.14's loop is a part of it without a name; what tells whose it is comes with the capture."""
        here = pathlib.Path(support.need_python("3.14"))
        python = pathlib.Path(shutil.copy(here, self.folder))
        target = self.target("seams", SECONDS, python=python, env={**os.environ, "PYTHONHOME": str(here.parents[1])})
        path = self.collect("-p", target.pid, "--native", "--bundle", "-r", RATE)
        target.truth()
        whole = self.names_and_notes(path)
        self.assertRegex(whole[0], r"through_qsort \([^;]*;(?:[^;]*;)*qsort(_r)? \(libc[^;]*;(?:[^;]*;)*compare \(")
        python.unlink()
        self.assertEqual(self.names_and_notes(path), whole)

    def perf_stacks(self, pid):
        """Function names of each sample, innermost first, and the size of perf's file."""
        perf, data = support.need_tool("perf"), self.folder / "perf.data"
        options = ("-q", "-e", "cpu-clock:u", "-F", RATE, "--call-graph", "dwarf,16384", "-o", data, "-p", pid)
        recorded = support.run(perf, "record", *options, "--", "sleep", PERF_SECONDS)
        if recorded.status != 0:
            self.skipTest(f"perf cannot record here: {recorded.err.strip()}")
        text = support.run(perf, "script", "--no-inline", "-F", "tid,ip,sym", "-i", data).out.decode()
        stacks = [stack.splitlines() for stack in text.split("\n\n") if stack.strip()]
        stacks = [[line.split(None, 1)[1].partition(".")[0] for line in lines] for tid, *lines in stacks if tid.strip() == str(pid)]
        return stacks, data.stat().st_size

    def pam_stacks(self, pid):
        path = self.collect("-p", pid, "--native", "-r", RATE, "-d", PERF_SECONDS)
        lines = support.collapsed(path, weight="samples")
        stacks = [(frames[:1:-1], weight) for frames, weight in lines if frames[1].endswith(f"({pid})")]
        return stacks, path.stat().st_size

    def test_shares_are_those_of_perf(self):
        """Of the functions that perf finds innermost most often each is the innermost one of them in the same share of our
        samples, at a third of the bytes at most. The small ones that they call have other names in both: inlined functions,
        which perf was not asked for, and aliases."""
        target = self.target("seams", (PERF_SECONDS + 20) * support.SLOW)
        with self.placed(target.pid, together=True):
            (perf, perf_bytes), (pam, pam_bytes) = support.parallel(
                lambda: self.perf_stacks(target.pid), lambda: self.pam_stacks(target.pid)
            )
        pam = [([EVAL if python_name(frame) else frame.partition(" (")[0] for frame in frames], weight) for frames, weight in pam]
        leaves = collections.Counter(stack[0] for stack in perf if stack)
        wanted = [name for name, count in leaves.most_common(8) if name != "[unknown]" and count > 0.02 * len(perf)]
        perf_sums, pam_sums = collections.Counter(), collections.Counter()
        for sums, stacks in (perf_sums, ((stack, 1) for stack in perf)), (pam_sums, pam):
            for names, weight in stacks:
                nameless = names and NAMELESS.search(names[0])
                sums["?" if nameless else next((name for name in names if name in wanted), "?")] += weight
        perf_count, pam_count = perf_sums.total(), pam_sums.total()
        self.assertGreaterEqual(len(wanted), 3)
        for name in wanted:
            ours, theirs = pam_sums[name] / pam_count, perf_sums[name] / perf_count
            error = math.sqrt(theirs * (1 - theirs) * (1 / perf_count + 1 / pam_count))
            print(f"{name}: perf {theirs:.3f}, pamcollect {ours:.3f}, {(ours - theirs) / error:+.2f} standard errors")
            self.assertLess(abs(ours - theirs), 3 * error, name)
        print(f"perf {perf_bytes} bytes for {perf_count} samples, pamcollect {pam_bytes} for {pam_count}")
        self.assertLess(pam_bytes / pam_count, perf_bytes / perf_count / 3)
        target.end()

    def test_python_with_perf_support(self):
        """With -X perf Python names its functions itself: they are not there twice."""
        target = self.target("seams", SECONDS, python=support.need_python("3.12"), interpreter=["-X", "perf"])
        with self.placed(target.pid, together=True):
            path = self.collect("-p", target.pid, "--native", "-r", RATE)
        target.truth()
        self.every_call = True  # perf support makes each call go through C
        self.tids = {"main": target.pid}
        lines = self.of_thread(support.collapsed(path, weight="samples"), "main")
        merged = sum(weight for frames, weight in lines if frames[0].startswith("_start ("))
        print(f"{merged} of {sum(weight for _, weight in lines)} samples are merged from the root on")
        self.assertGreater(merged, 0.8 * sum(weight for _, weight in lines))
        self.assertNotIn("py::", " ".join(frame for frames, _ in lines for frame in frames))

    def program(self):
        """A program without Python, its target, and a copy of it."""
        source, program = self.folder / "program.c", self.folder / "program"
        source.write_text(PROGRAM)
        done = support.run(support.need_tool("cc"), "-O1", "-g", "-fno-optimize-sibling-calls", source, "-o", program)
        self.assertEqual(done.status, 0, done.err)
        target = support.Target([program])
        self.addCleanup(target.end)
        return program, target

    def names_and_notes(self, path, *options):
        result = self.convert(path, "-f", "collapsed", *options)
        return result.out.decode(), [line for line in result.err.splitlines() if "note: " in line]

    def test_files_of_another_machine(self):
        """What is not here is an address, once told; names come from a sysroot, or from the capture itself."""
        program, target = self.program()
        with self.placed(target.pid, together=True):
            plain = self.collect("-p", target.pid, "--native", "-d", 1, name="plain.pamcap")
            bundled = self.collect("-p", target.pid, "--native", "--bundle", "-d", 1, name="bundled.pamcap")
        stack = r"main \(program\);outer \(program\);(expanded \(program\);)?inner \(program\)"
        here, notes = self.names_and_notes(plain)
        self.assertRegex(here, stack)
        self.assertIn("expanded (program)", here)
        self.assertEqual(notes, [])
        sysroot = self.folder / "board"
        (sysroot / str(self.folder).lstrip("/")).mkdir(parents=True)
        program.rename(sysroot / str(program).lstrip("/"))
        away, notes = self.names_and_notes(plain)
        self.assertRegex(away, r"0x[0-9a-f]+ \(program\)")
        self.assertNotIn("inner", away)
        self.assertEqual([str(program) in note and "--sysroot" in note for note in notes], [True])
        there, notes = self.names_and_notes(plain, "--sysroot", sysroot)
        self.assertEqual((there, notes), (here, []))
        build_id = re.search(r"Build ID: (\w+)", support.run("readelf", "-n", sysroot / str(program).lstrip("/")).out.decode())[1]
        served = self.folder / "server/buildid" / build_id
        served.mkdir(parents=True)
        (served / "executable").symlink_to(sysroot / str(program).lstrip("/"))
        asking = {**os.environ, "DEBUGINFOD_URLS": f"file://{self.folder}/server", "DEBUGINFOD_CACHE_PATH": str(self.folder)}
        self.assertEqual(self.convert(plain, "-f", "collapsed", env=asking).out.decode(), here)
        packed, notes = self.names_and_notes(bundled)
        self.assertRegex(packed, stack)
        self.assertEqual(notes, [])
        with bundled.open("rb") as pipe:
            result = support.run("sh", "-c", f"cat | {support.CONVERT} -f collapsed", stdin=pipe)
        self.assertIn("save it to a file", result.err)
        other = self.folder / "program"
        other.write_bytes(pathlib.Path("/bin/true").read_bytes())
        different, notes = self.names_and_notes(plain)
        self.assertEqual(different, away)
        self.assertIn("is another build", notes[0])


if __name__ == "__main__":
    unittest.main()
