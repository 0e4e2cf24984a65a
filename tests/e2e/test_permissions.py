"""Where the kernel refuses access the status is 4 and the message names the remedy for what was found."""

import os
import pathlib
import shutil
import unittest

import support

NOBODY = 65534
SCRIPT = """
import ctypes, os, time
if {forbid}:
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
print('{{"pid": %d}}' % os.getpid(), flush=True)
time.sleep(30)
"""


class Permissions(support.Case):
    """All by a copy of pamcollect in a folder that everyone may use, as another user than root."""

    def setUp(self):
        super().setUp()
        support.need_root("become another user")
        self.as_nobody = [
            support.need_tool("setpriv"),
            "--reuid",
            str(NOBODY),
            "--regid",
            str(NOBODY),
            "--clear-groups",
        ]
        self.folder.chmod(0o777)
        self.program = self.folder / "pamcollect"
        self.mark = self.folder.name  # in the command line of targets
        shutil.copy(support.COLLECT, self.program)

    def python(self):
        """One that nobody may run: /root is closed to others."""
        if not os.access("/usr/bin/python3.11", os.X_OK):
            self.skipTest("no /usr/bin/python3.11, and Pythons under /root are not for everyone")
        return "/usr/bin/python3.11"

    def start_target(self, *prefix, forbid=False):
        target = support.Target([*prefix, self.python(), "-c", SCRIPT.format(forbid=forbid), self.mark])
        self.addCleanup(target.end)
        return target.pid

    def collect_as_nobody(self, *options, before=()):
        return support.run(
            *self.as_nobody, *before, self.program, *options, "-d", "0.3", "-o", self.folder / "c.pamcap"
        )

    def check_refused(self, result, *words):
        self.assertEqual(result.status, 4, result.err)
        for word in (*words, "sudo"):
            self.assertIn(word, result.err)
        self.assertFalse((self.folder / "c.pamcap").exists())

    def test_anothers_process(self):
        pid = self.start_target()
        self.check_refused(self.collect_as_nobody("-p", pid), str(pid), "root", "nobody", "setcap cap_sys_ptrace")

    def test_anothers_process_by_its_command_line(self):
        """The candidates' executables cannot be read then; it must not say that there is none."""
        pid = self.start_target()
        self.check_refused(self.collect_as_nobody("--match", self.mark), str(pid))

    def test_own_process(self):
        yama = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
        result = self.collect_as_nobody("-p", self.start_target(*self.as_nobody))
        if yama.exists() and yama.read_text().strip() != "0":
            self.check_refused(result, "ptrace_scope", "sysctl")
        else:
            self.assertEqual(result.status, 0, result.err)
            self.assertEqual((self.folder / "c.pamcap").stat().st_uid, NOBODY)

    def test_own_process_that_forbids_it(self):
        result = self.collect_as_nobody("-p", self.start_target(*self.as_nobody, forbid=True))
        self.check_refused(result, "yours but forbids", "setcap")

    def test_capability_is_enough(self):
        """What the messages advise works: cap_sys_ptrace instead of root."""
        setcap = shutil.which("setcap", path="/usr/sbin:/sbin:/usr/bin")
        if not setcap or support.run(setcap, "cap_sys_ptrace+ep", self.program).status != 0:
            self.skipTest("setcap is not installed or does not work on this file system")
        result = self.collect_as_nobody("-p", self.start_target())
        self.assertEqual(result.status, 0, result.err)
        names = {frame["name"] for frame in support.speedscope(self.folder / "c.pamcap").frames}
        self.assertIn("time.sleep [C]", names)

    def test_root_without_the_capability(self):
        """In a container root may lack CAP_SYS_PTRACE: then sudo is no remedy and the message says what is."""
        pid = self.start_target(*self.as_nobody)
        # With CAP_PERFMON alone Linux 6.13 and later show the memory map, and still not the executable.
        for missing in ("-sys_ptrace,-perfmon,-sys_admin", "-sys_ptrace"):
            with self.subTest(missing=missing):
                result = support.run(
                    self.as_nobody[0],
                    "--bounding-set",
                    missing,
                    "--inh-caps",
                    missing,
                    self.program,
                    "-p",
                    pid,
                    "-d",
                    "0.2",
                    "-o",
                    self.folder / "c.pamcap",
                )
                self.assertEqual(result.status, 4, result.err)
                self.assertIn("SYS_PTRACE", result.err)

    def test_unwritable_folder(self):
        closed = self.folder / "closed"
        closed.mkdir(mode=0o755)
        result = support.run(
            *self.as_nobody,
            self.program,
            "-p",
            self.start_target(*self.as_nobody),
            "-d",
            "0.2",
            "-o",
            closed / "c.pamcap",
        )
        self.assertEqual(result.status, 1, result.err)
        self.assertIn("Permission denied", result.err)
        self.assertIn(str(closed / "c.pamcap"), result.err)


if __name__ == "__main__":
    unittest.main()
