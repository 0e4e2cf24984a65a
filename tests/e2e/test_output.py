"""Where a capture goes: a pipe or a plain file on standard output, never a terminal, never behind other bytes."""

import os
import re
import stat
import subprocess
import time
import unittest

import support
from terminal import Terminal

MAGIC = b"\x89PAMCAP\n"
NAME = re.compile(r"pam_(\S+)_(\d{8}_\d{6})\.pamcap")


class Output(support.Case):
    def setUp(self):
        super().setUp()
        self.pid = self.sleeper()
        self.command = [support.COLLECT, "-q", "-p", self.pid, "-d", "0.2"]

    def only_file(self, folder):
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.assertEqual(len(files), 1, files)
        self.assertTrue(files[0].read_bytes().startswith(MAGIC))
        return files[0]

    def test_pipe(self):
        result = support.run(*self.command, cwd=self.folder)
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertTrue(result.out.startswith(MAGIC))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_redirected_file(self):
        path = self.folder / "redirected"
        with open(path, "wb") as file:
            self.assertEqual(support.run(*self.command, stdout=file, cwd=self.folder).status, 0)
        self.assertEqual(self.only_file(self.folder), path)
        self.assertEqual(support.dump(path)[-1].type, "end")

    def test_appending_is_refused(self):
        path = self.folder / "appended"
        path.write_bytes(b"precious")
        for options in ([], ["-o", "-"]):
            with open(path, "ab") as file:
                result = support.run(*self.command, *options, stdout=file, cwd=self.folder)
            self.assertEqual(result.status, 2, result.err)
            self.assertIn(">>", result.err)
            self.assertEqual(path.read_bytes(), b"precious")

    def test_terminal_is_refused_when_asked_for(self):
        terminal = Terminal(*self.command, "-o", "-", cwd=self.folder)
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(), 2)
        self.assertIn("terminal", terminal.text)
        self.assertNotIn("PAMCAP", terminal.text)

    def test_terminal_means_a_file_under_profiles(self):
        terminal = Terminal(*self.command, "-s", "idle-no-leaffc", cwd=self.folder, env={"TZ": "Asia/Kathmandu"})
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(), 0, terminal.text)
        self.check_name(self.only_file(self.folder), "idle-no-leaffc", 20700)

    def check_name(self, path, scenario, offset):
        self.assertEqual(path.parent, self.folder / "profiles")
        name = NAME.fullmatch(path.name)
        self.assertTrue(name, path)
        self.assertEqual(name[1], scenario)
        stamp = time.mktime(time.strptime(name[2], "%Y%m%d_%H%M%S")) - time.timezone - offset
        self.assertAlmostEqual(stamp, time.time(), delta=10)

    def test_dev_null_means_a_file_too(self):
        with open(os.devnull, "wb") as null:
            self.assertEqual(support.run(*self.command, stdout=null, cwd=self.folder, env={"TZ": "UTC"}).status, 0)
        self.check_name(self.only_file(self.folder), "unnamed", 0)

    def test_directory(self):
        for folder in (self.folder / "there", self.folder / "new/deep"):
            with self.subTest(folder=folder):
                if folder.name == "there":
                    folder.mkdir()
                self.assertEqual(support.run(*self.command, "-o", f"{folder}/").status, 0)
                self.assertEqual(NAME.fullmatch(self.only_file(folder).name)[1], "unnamed")

    def test_file_in_a_folder_that_is_not_there_yet(self):
        path = self.folder / "a/b/c.pamcap"
        self.assertEqual(support.run(*self.command, "-o", path).status, 0)
        self.assertEqual(self.only_file(self.folder), path)

    def test_existing_file_is_replaced(self):
        path = self.folder / "old.pamcap"
        path.write_bytes(b"x" * 1_000_000)
        self.assertEqual(support.run(*self.command, "-o", path).status, 0)
        self.assertEqual(support.dump(path)[-1].type, "end")
        self.assertLess(path.stat().st_size, 1_000_000)

    def test_existing_file_is_kept_when_there_is_no_target(self):
        """What can fail comes before an earlier capture is replaced."""
        path = self.folder / "old.pamcap"
        path.write_bytes(b"precious")
        self.assertEqual(support.run(support.COLLECT, "-p", "999999999", "-d", "1", "-o", path).status, 3)
        self.assertEqual(path.read_bytes(), b"precious")

    def test_closed_standard_output(self):
        result = support.run("bash", "-c", " ".join(map(str, self.command)) + " -o - >&-", stdout=subprocess.DEVNULL)
        self.assertEqual(result.status, 2, result.err)

    def test_owner_under_sudo(self):
        """Root's SUDO_UID says who called: what is made belongs to them."""
        support.need_root("give files away")
        env = {"SUDO_UID": "4321", "SUDO_GID": "8765"}
        folder = self.folder / "mine/too"
        self.assertEqual(support.run(*self.command, "-o", f"{folder}/", env=env).status, 0)
        for path in (self.only_file(folder), folder, folder.parent):
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), (4321, 8765), path)
        self.assertEqual(self.folder.stat().st_uid, 0)
        self.assertFalse(self.only_file(folder).stat().st_mode & stat.S_IXUSR)
        support.run(*self.command, "-o", self.folder / "without", env={})
        self.assertEqual((self.folder / "without").stat().st_uid, 0)


if __name__ == "__main__":
    unittest.main()
