"""Which processes cannot be read and are refused by name, and CPython 3.11 however it was started."""

import os
import pathlib
import re
import subprocess
import unittest

import support

OLDER = ("3.6", "3.7", "3.8", "3.9", "3.10")


class Pythons(support.Case):
    def check_profiled(self, python, command=None):
        script = (
            "import time\nprint('{\"pid\": %d}' % __import__('os').getpid(), flush=True)\n"
            "def found():\n    time.sleep(20)\nfound()\n"
        )
        target = support.Target(command or [python, "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-p", target.pid, "-d", "0.4")
        names = {frame["name"] for frame in support.speedscope(path).frames}
        self.assertLessEqual({"<module>", "found", "time.sleep [C]"}, names)
        return next(r.fields for r in support.of_type(support.dump(path), "process") if r.fields.get("is_target"))

    def check_refused(self, pid, *words):
        path = self.folder / "refused.pamcap"
        result = support.run(support.COLLECT, "-p", pid, "-d", "0.2", "-o", path)
        self.assertEqual(result.status, 3, result.err)
        for word in (str(pid), *words):
            self.assertIn(word, result.err)
        self.assertEqual(
            len(result.err.strip().splitlines()), 1 + result.err.startswith("pamcollect: process"), result.err
        )
        self.assertFalse(path.exists())

    def test_static_debian(self):
        if not os.access("/usr/bin/python3.11", os.X_OK):
            self.skipTest("no Debian python3.11")
        fields = self.check_profiled("/usr/bin/python3.11")
        self.assertEqual(fields["runtime_path"], "/usr/bin/python3.11")
        self.assertEqual(fields["python_version"] >> 16, 0x030B)

    def test_shared_libpython(self):
        python = support.find_python("3.11")
        if not python or "libpython3.11" not in support.run("ldd", python).out.decode():
            self.skipTest("no Python 3.11 that is linked to libpython3.11.so")
        self.assertIn("libpython3.11.so", self.check_profiled(python)["runtime_path"])

    def test_venv(self):
        subprocess.run([support.need_python(), "-m", "venv", "--without-pip", self.folder / "venv"], check=True)
        self.check_profiled(self.folder / "venv/bin/python")

    def check_deleted(self, file, copy, python, **more):
        copy.write_bytes(pathlib.Path(file).read_bytes())
        copy.chmod(0o755)
        pid = self.sleeper(python=python, **more)
        self.assertIn(str(copy), pathlib.Path(f"/proc/{pid}/maps").read_text())
        copy.unlink()
        path = self.collect("-p", pid, "-d", "0.4")
        self.assertIn("time.sleep [C]", {frame["name"] for frame in support.speedscope(path).frames})

    def test_executable_deleted_while_it_runs(self):
        """An upgrade deletes the file that a running service was started from."""
        if not os.access("/usr/bin/python3.11", os.X_OK):
            self.skipTest("no Debian python3.11")
        self.check_deleted("/usr/bin/python3.11", self.folder / "python3.11", self.folder / "python3.11")

    def test_library_deleted_while_it_runs(self):
        support.need_root("read /proc/PID/map_files")
        python = support.need_python()
        libraries = [
            line.split()[2]
            for line in support.run("ldd", python).out.decode().splitlines()
            if "libpython3.11.so" in line
        ]
        if not libraries:
            self.skipTest("no Python 3.11 that is linked to libpython3.11.so")
        copy = self.folder / pathlib.Path(libraries[0]).name
        self.check_deleted(libraries[0], copy, python, env={"LD_LIBRARY_PATH": str(self.folder)})

    def test_another_layout(self):
        """A CPython that says itself that it is another: one of whose offsets, or version, a byte was changed."""
        minor, free_threaded, tstate_next = 10, 16, 168  # where they are in what it says
        cases = (
            ("3.13", (free_threaded,), ("free-threaded build of CPython 3.13", "layout")),
            ("3.14", (free_threaded,), ("free-threaded build of CPython 3.14", "layout")),
            ("3.13", (tstate_next,), ("CPython 3.13", "tstate_next", "layout")),
            ("3.14", (minor,), ("runs CPython 3.15", "this program reads 3.8")),
            ("3.14", (minor, free_threaded), ("free-threaded build of CPython 3.15", "this program reads 3.8")),
        )
        found = dict(support.pythons(sorted({version for version, _, _ in cases})))
        for version, at, words in cases:
            if version in found:
                with self.subTest(version=version, at=at):
                    self.check_refused(self.start_changed(version, found[version], at), *words)

    def start_changed(self, version, python, places):
        libraries = re.findall(rf"=> (\S*libpython{version}\S*)", support.run("ldd", python).out.decode())
        source = pathlib.Path(libraries[0] if libraries else os.path.realpath(python))
        data = bytearray(source.read_bytes())
        minor = int(version.partition(".")[2])
        start = re.search(rb"xdebugpy..%c\x03\0{4}" % minor, data, re.DOTALL).start()
        for at in places:
            data[start + at] += 1
        copy = self.folder / f"{places}" / source.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(data)
        copy.chmod(0o755)
        home = support.run(python, "-c", "import sys; print(sys.prefix, end='')").out.decode()
        env = {**os.environ, "LD_LIBRARY_PATH": str(copy.parent), "PYTHONHOME": home}
        return self.sleeper(python=python if libraries else copy, env=env)

    def test_other_versions(self):
        """Those that cannot be read are refused, with their version."""
        for version, python in support.pythons([v for v in OLDER if v not in support.VERSIONS]):
            with self.subTest(version=version):
                self.check_refused(self.sleeper(python=python), version, *support.VERSIONS)

    def test_no_python(self):
        self.check_refused(self.start("sleep", "30").pid, "not Python")

    def test_no_such_process(self):
        self.check_refused(999999999, "no process")

    def test_kernel_thread(self):
        if not os.path.exists("/proc/2/comm") or pathlib.Path("/proc/2/comm").read_text() != "kthreadd\n":
            self.skipTest("no kernel threads to be seen here")
        result = support.run(support.COLLECT, "-p", "2", "-d", "0.2", "-o", self.folder / "x")
        self.assertIn(result.status, (3, 4), result.err)

    def test_zombie(self):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        self.addCleanup(os.waitpid, pid, 0)
        support.wait_until(lambda: pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")
        self.check_refused(pid)

    def test_32_bit(self):
        source, program = self.folder / "small.c", self.folder / "python3.11"
        source.write_text(  # without the C library, which is seldom there for 32 bits
            "int _PyRuntime[64];\n"
            "static void call(int number, int a, const void *b, int c) {\n"
            '    __asm__ volatile("int $0x80" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory"); }\n'
            'void _start(void) { call(4, 1, "x\\n", 2); for (;;) call(29, 0, 0, 0); } /* write, pause */\n'
        )
        support.need_tool("gcc")
        built = subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-o", program, source], capture_output=True)
        if built.returncode:
            self.skipTest(f"gcc builds no 32-bit programs for this machine: {built.stderr.decode()}")
        process = self.start(program, stdout=subprocess.PIPE)
        if not process.stdout.readline():
            self.skipTest("this kernel does not run 32-bit programs")
        self.check_refused(process.pid, "32-bit")

    def test_interpreter_that_is_not_up_yet(self):
        """A program with the symbol and nothing behind it."""
        source, program = self.folder / "empty.c", self.folder / "python3.11"
        source.write_text(
            "#include <unistd.h>\nlong _PyRuntime[9000]; const unsigned long Py_Version = 0x030b02f0;\n"
            'long PyCode_Type[64];\nint main(void) { write(1, "x\\n", 2); return sleep(30); }\n'
        )
        support.need_tool("gcc")
        subprocess.run(["gcc", "-w", "-rdynamic", "-o", program, source], check=True)
        process = self.start(program, stdout=subprocess.PIPE)
        process.stdout.readline()
        self.check_refused(process.pid, "interpreter")


if __name__ == "__main__":
    unittest.main()
