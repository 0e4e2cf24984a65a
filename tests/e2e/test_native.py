"""--native and --kernel: what is taken of threads that compute and that wait, in programs of C and of Python."""

import os
import pathlib
import time
import unittest

import below
import support

SECONDS = 4
WAIT_NS = 200_000  # of pamcollect for the copy of a thread that runs: one that comes later is not taken
PARANOID = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
SPIN = ["spin_leaf", "spin_middle", "spin_outer"]
HOLD = ["hold_middle", "hold_outer"]
WITH = ["-fno-omit-frame-pointer", "-DFRAMES"]
WITHOUT = ["-fomit-frame-pointer"]


def share(flags):
    flags = list(flags)
    return sum(flags) / len(flags)


class Native(support.Case):
    def setUp(self):
        super().setUp()
        support.need_root("use perf_event on whole CPUs")

    def program(self, options, *collect):
        program = below.build(self.folder, *options)
        target = support.Target([program, SECONDS])
        self.addCleanup(target.end)
        tids = sorted(int(name) for name in os.listdir(f"/proc/{target.pid}/task"))
        with self.placed(target.pid, together=True):
            path = self.collect("-p", target.pid, "--native", *collect, timeout=SECONDS + support.TIMEOUT)
        records = support.dump(path)
        return records, below.Functions(records, program), tids

    def check_spinning(self, records, functions, tid, addresses=below.Native.in_order):
        """Most samples are of a thread that runs, and all that are have its stack."""
        taken = below.samples(records, tid)
        self.assertGreater(len(taken), SECONDS * 100 * 0.6)
        self.assertGreater(share(native is not None for _, native in taken), 0.98)
        chains = [functions.names(addresses(native)) for _, native in taken if native]
        inside = share(below.has_chain(chain, SPIN) for chain in chains)
        print(f"{len(taken)} samples, {inside:.1%} show {' < '.join(SPIN)}")
        self.assertGreater(inside, 0.95)
        return taken

    def check_holding(self, records, functions, tid, addresses=below.Native.in_order):
        taken = below.samples(records, tid)
        self.assertGreater(len(taken), SECONDS * 50 * 0.6)
        self.assertGreater(share(native is not None for _, native in taken), 0.98)
        waiting = [native for _, native in taken if native and native.flags & below.EXACT and native.flags & below.IN_KERNEL]
        self.assertGreater(len(waiting), 0.9 * len(taken))
        chains = [functions.names(addresses(native)) for native in waiting]
        self.assertGreater(share(below.has_chain(chain, HOLD) for chain in chains), 0.98, chains[:3])
        ids = {native.id for native in waiting}
        print(f"{len(taken)} samples of a thread that waits, {len(ids)} different stacks")
        self.assertLess(len(ids), 8)

    def test_program_without_frame_pointers(self):
        records, functions, (main, holder) = self.program(WITHOUT)
        self.check_holding(records, functions, holder)
        self.check_spinning(records, functions, main)
        self.assertTrue(all(sample.fields["flags"] & 4 for sample in support.of_type(records, "sample")))

    def test_program_with_frame_pointers(self):
        """The chain of frame pointers through registers and stack is whole: the copy is of one instant."""
        records, functions, (main, holder) = self.program(WITH)
        self.check_holding(records, functions, holder)
        taken = self.check_spinning(records, functions, main, below.Native.by_frame_pointers)
        for _, native in taken:
            if native:
                self.assertEqual(native.registers[below.SP], native.address)
                self.assertFalse(native.flags & (below.CUT | below.NOT_WHOLE))

    def test_python(self):
        library = below.build(self.folder, *WITHOUT, library=True)
        target = self.target("below", SECONDS, "--library", library)
        with self.placed(target.pid):
            path = self.collect("-p", target.pid, "--native", timeout=SECONDS + support.TIMEOUT)
        records = support.dump(path)
        functions = below.Functions(records, library)
        self.assertTrue(functions.modules, "the library was loaded while the capture ran, and is in it")
        strings = {record.fields["id"]: record.fields["text"] for record in support.of_type(records, "string")}
        holder = next(record.fields["tid"] for record in support.of_type(records, "thread")
                      if strings.get(record.fields.get("name")) == "holder")
        self.check_holding(records, functions, holder)
        self.check_spinning(records, functions, target.pid)
        python = [sample for sample in support.of_type(records, "sample") if not sample.fields.get("flags", 0) & 4]
        self.assertGreater(len(python), 0.9 * len(support.of_type(records, "sample")))

    def test_belongs_to_the_stack_of_python(self):
        """Of a thread that goes from one function to another all the time: what runs was taken just before."""
        library = below.build(self.folder, *WITHOUT, library=True)
        seconds = 2 * SECONDS  # it is between two functions at 1 % of the looks
        target = self.target("below", seconds, "--library", library, "--turns")
        with self.placed(target.pid, together=True):
            records = support.dump(self.collect("-p", target.pid, "--native", timeout=seconds + support.TIMEOUT))
        functions = below.Functions(records, library)
        wanted = {"spins": "spin_outer", "turns": "turn_outer"}
        pairs = [(wanted[name], functions.names(native.in_order()))
                 for name, native in below.leaf_functions(records, target.pid) if name in wanted]
        self.assertGreater(len(pairs), seconds * 100 * 0.6)
        self.assertGreater(min(sum(name == each for name, _ in pairs) for each in wanted.values()), seconds * 100 * 0.2)
        agree = share(name in names for name, names in pairs)
        ago = sorted(native.ago_ns for _, native in below.samples(records, target.pid)
                     if native and not native.flags & below.EXACT)
        print(f"{agree:.2%} of {len(pairs)}; {len(ago)} taken while it ran")
        self.assertGreater(agree, 0.98)
        if len(ago) < 0.05 * len(pairs):  # as a rule it was preempted, by pamcollect: both are of the moment at which it was
            return
        near = share(abs(each) < WAIT_NS for each in ago)
        print(f"{ago[len(ago) // 2] / 1000:.0f} us before (median), {ago[0] / 1000:.0f} to {ago[-1] / 1000:.0f}, {near:.1%} near")
        self.assertGreater(near, 0.9)  # pamcollect may itself be preempted in between, for as long as the kernel likes

    def test_children(self):
        """A child that becomes another program by execve(): its modules are in the capture."""
        program = below.build(self.folder, *WITHOUT)
        script = f"import subprocess, time; time.sleep(0.3); subprocess.run([{str(program)!r}, '{SECONDS}'], stdout=-3)"
        path = self.folder / "capture.pamcap"
        with self.placed():  # the collector, and so the child
            result = support.run(support.COLLECT, "--native", "-o", path, "--", support.need_python(), "-c", script)
        self.assertEqual(result.status, 0, result.err)
        records = support.dump(path)
        functions = below.Functions(records, program)
        child = next(record.fields for record in support.of_type(records, "process")
                     if record.fields.get("executable") == str(program))
        threads = [record.fields["tid"] for record in support.of_type(records, "thread") if record.fields["pid"] == child["pid"]]
        self.check_holding(records, functions, max(threads))
        told = [i for i, record in enumerate(records) if record.type == "process" and record.fields["pid"] == child["pid"]]
        behind = below.Functions(records[told[-1]:], program)  # what was seen before its execve() was told stands before that
        self.assertEqual(len(behind.modules), 1, behind.modules)
        self.assertEqual({module["start"] for module in functions.modules}, {behind.modules[0]["start"]})
        self.check_spinning(records, functions, child["pid"])

    def test_kernel(self):
        records, _, (_, holder) = self.program(WITHOUT, "--kernel")
        symbols = [record.fields for record in support.of_type(records, "kernel_symbol")]
        waiting = [native for _, native in below.samples(records, holder) if native and native.flags & below.EXACT]

        def names(native):
            return [symbol["name"] for address in native.kernel for symbol in symbols
                    if symbol["address"] <= address < symbol["address"] + symbol["size_bytes"]]

        polling = [names(native) for native in waiting if native.kernel]
        self.assertGreater(share(any("poll" in name for name in chain) for chain in polling), 0.9, polling[:3])
        self.assertGreater(len(polling), 0.9 * len(waiting))

    def test_kernel_without_names(self):
        setpriv = support.need_tool("setpriv")
        path = self.folder / "capture.pamcap"
        result = support.run(setpriv, "--bounding-set", "-syslog", support.COLLECT, "-p", self.sleeper(), "--kernel",
                             "-d", 1, "-o", path)
        self.assertEqual(result.status, 0, result.err)
        self.assertEqual(result.err.count("CAP_SYSLOG"), 1, result.err)
        records = support.dump(path)
        self.assertIn("CAP_SYSLOG", support.of_type(records, "mode")[0].fields["reason"])
        self.assertFalse(support.of_type(records, "kernel_symbol"))

    def folder_of_nobody(self):
        """For an ordinary user, where the kernel lets him watch no whole CPUs."""
        if int(PARANOID.read_text()) not in (1, 2):
            raise unittest.SkipTest("kernel.perf_event_paranoid lets everybody, or nobody")
        folder = self.folder / "of_nobody"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        self.folder.chmod(0o755)
        return folder

    def test_refused(self):
        """Not less than asked for: nothing at all, and why."""
        folder = self.folder_of_nobody()
        pid = self.sleeper(python="/usr/bin/python3", user="nobody")
        result = support.run(support.COLLECT, "-p", pid, "--kernel", "-d", 1, "-o", folder / "capture.pamcap", user="nobody")
        self.assertEqual(result.status, 4, result.err)
        self.assertIn("perf_event_paranoid", result.err)
        self.assertFalse(list(folder.iterdir()))

    def test_ordinary_user(self):
        """Of threads of his own that wait, and that run in their own code; what is less is said once, and kept."""
        path = self.folder_of_nobody() / "capture.pamcap"
        program = below.build(self.folder, *WITHOUT)
        target = support.Target([program, SECONDS], user="nobody")
        self.addCleanup(target.end)
        main, holder = sorted(int(name) for name in os.listdir(f"/proc/{target.pid}/task"))
        result = support.run(support.COLLECT, "-p", target.pid, "--native", "-o", path, user="nobody",
                             timeout=SECONDS + support.TIMEOUT)
        self.assertEqual(result.status, 0, result.err)
        self.assertEqual(result.err.count("in the kernel"), 1, result.err)
        records = support.dump(path)
        self.assertIn("in the kernel", support.of_type(records, "mode")[0].fields["reason"])
        functions = below.Functions(records, program)
        self.check_holding(records, functions, holder)
        taken = [native for _, native in below.samples(records, main)]
        chains = [functions.names(native.in_order()) for native in taken if native]
        inside = share(below.has_chain(chain, SPIN) for chain in chains)
        print(f"{len(chains)} of {len(taken)} samples of a thread that computes have a stack, {inside:.1%} the right one")
        self.assertGreater(len(chains), SECONDS * 100 * 0.2)  # it may wait for its CPU at most ticks, on a busy machine
        self.assertGreater(inside, 0.95)

    def test_threads_of_one_cpu(self):
        """Each has its turn, though an ordinary user can ask for but one a CPU at a time."""
        path = self.folder_of_nobody() / "capture.pamcap"
        script = "import os, threading, time, zlib\n" \
                 f"os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})\n" \
                 "def burns():\n while True: zlib.crc32(bytes(1 << 20))\n" \
                 "for _ in range(3): threading.Thread(target=burns).start()\n" \
                 "print('{\"pid\": %d}' % os.getpid(), flush=True)"
        target = support.Target(["/usr/bin/python3", "-c", script], user="nobody")
        self.addCleanup(target.end)
        result = support.run(support.COLLECT, "-p", target.pid, "--native", "-d", SECONDS, "-o", path, user="nobody",
                             timeout=SECONDS + support.TIMEOUT)
        self.assertEqual(result.status, 0, result.err)
        records = support.dump(path)
        taken = [sum(native is not None for _, native in below.samples(records, int(tid)))
                 for tid in os.listdir(f"/proc/{target.pid}/task") if int(tid) != target.pid]
        print(f"stacks of three threads that share a CPU: {taken}")
        self.assertEqual(len(taken), 3)
        self.assertGreater(min(taken), max(taken) / 3)
        self.assertGreater(sum(taken), SECONDS * 100 * 0.2)

    def test_bundle(self):
        """The pieces of a file put together say of unwinding and names what the file says."""
        records, functions, _ = self.program(WITHOUT, "--bundle")
        module = functions.modules[0]
        pieces = [record.fields for record in support.of_type(records, "bundle")
                  if record.fields.get("path") == module["path"]]
        self.assertEqual({piece["build_id"] for piece in pieces}, {module["build_id"]})
        rebuilt = self.folder / "rebuilt"
        with rebuilt.open("wb") as file:
            file.truncate(pieces[0]["file_bytes"])
            for piece in pieces:
                file.seek(piece.get("offset", 0))
                file.write(bytes.fromhex(str(piece["bytes"])))
        for tool in (["nm"], ["readelf", "--debug-dump=frames"], ["readelf", "-nSl"]):
            said = [support.run(support.need_tool(tool[0]), *tool[1:], file).out.replace(str(file).encode(), b"")
                    for file in (module["path"], rebuilt)]
            self.assertEqual(*said)
            self.assertTrue(said[0])
        self.assertIn("[vdso]", {record.fields.get("path") for record in support.of_type(records, "bundle")})

    def test_functions_made_at_run_time(self):
        """Python's own with -X perf: those that occur are in the capture, also of a map of 1 GB."""
        python = support.need_python("3.12")
        script = "import os\ndef burns():\n print('{\"pid\": %d}' % os.getpid(), flush=True)\n" \
                 " while True: sum(range(1000))\nburns()"
        target = support.Target([python, "-X", "perf", "-c", script])
        self.addCleanup(target.end)
        map_file = pathlib.Path(f"/tmp/perf-{target.pid}.map")
        self.addCleanup(map_file.unlink)
        with map_file.open("r+b") as file:
            file.truncate(1 << 30)
        begun = time.monotonic()
        path = self.collect("-p", target.pid, "--native", "-d", 1)
        self.assertLess(time.monotonic() - begun, 1 + 10 * support.SLOW)
        names = [record.fields["name"] for record in support.of_type(support.dump(path), "jit_symbol")]
        self.assertIn("py::burns:<string>", names)
        self.assertLess(len(names), 50)
        self.assertLess(int(support.health(path)["own_rss_bytes"]), 32 << 20)

    def test_bytes(self):
        """At most a third of what perf record takes for the same."""
        perf = support.need_tool("perf")
        program = below.build(self.folder, *WITHOUT)
        target = support.Target([program, (2 * SECONDS + 2) * support.SLOW])
        self.addCleanup(target.end)
        data = self.folder / "perf.data"
        done = support.run(perf, "record", "-q", "-e", "cpu-clock", "--call-graph", "dwarf", "-F", 100, "-p", target.pid,
                           "-o", data, "--", "sleep", SECONDS)
        self.assertEqual(done.status, 0, done.err)
        path = self.collect("-p", target.pid, "--native", "--kernel", "-d", SECONDS)
        print(f"{path.stat().st_size} bytes; perf record: {data.stat().st_size}")
        self.assertLess(3 * path.stat().st_size, data.stat().st_size)


if __name__ == "__main__":
    unittest.main()
