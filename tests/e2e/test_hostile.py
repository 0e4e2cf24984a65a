"""Scenario names and command lines may hold anything: no path is left, nothing is executed, no terminal obeys."""

import re
import unittest

import support
from terminal import Terminal

SCENARIOS = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "a/b/c",
    "with space",
    "quote\"s and 'quotes'",
    "`touch hacked`",
    "$(touch hacked)",
    "; touch hacked #",
    "new\nline",
    "tab\tbell\a",
    "\x1b[31mred\x1b[0m",
    "ünïcödé 日本 🚁",
    "-o",
    "--help",
    "%s%n%d",
    "x" * 5000,
    "*?[a]",
    "a\\b",
    "CON",
    "trailing.",
    "a;b|c&d>e",
    "",
    " ",
]
DRAWN = ("`touch hacked`", "quote\"s and 'quotes'", "new\nline", "%s%n%d", "a\\b", "ünïcödé 日本 🚁")


class Hostile(support.Case):
    def setUp(self):
        super().setUp()
        self.pid = self.sleeper()

    def test_scenario_names(self):
        for scenario in SCENARIOS:
            with self.subTest(scenario=scenario[:40]):
                self.check_scenario(scenario)
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"work"})

    def check_scenario(self, scenario):
        folder = self.folder / "work"
        folder.mkdir(exist_ok=True)
        for old in folder.rglob("*.*"):
            old.unlink()
        result = support.run(
            support.COLLECT,
            "-p",
            self.pid,
            "-d",
            "0.1",
            "-i",
            "0.02",
            "-o",
            "out/",
            f"--scenario={scenario}",
            cwd=folder,
        )
        self.assertEqual(result.status, 0, result.err)
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.assertEqual(len(files), 1, files)
        self.assertEqual(files[0].parent, folder / "out")
        self.assertRegex(files[0].name, r"^pam_[A-Za-z0-9_-][A-Za-z0-9._-]*_\d{8}_\d{6}\.pamcap$")
        session = support.of_type(support.dump(files[0]), "session")[0].fields
        self.assertEqual(session.get("scenario", "")[:4000], scenario[:4000])
        support.Speedscope(self.convert(files[0], "-f", "speedscope").out)
        self.convert(files[0], "--all", cwd=folder)
        if scenario in DRAWN:
            self.check_plot(files[0], folder)
        self.assertEqual(list(self.folder.rglob("hacked")), [])

    def check_plot(self, path, folder):
        support.need_tool("gnuplot")
        result = support.run(support.PLOT, path, cwd=folder)
        self.assertEqual((result.status, result.err), (0, ""))
        self.assertTrue(path.with_name(path.stem + "_cpu.png").read_bytes().startswith(b"\x89PNG"))

    def test_next_command_can_be_pasted(self):
        """The summary ends with commands to run next: their quotes must hold for any output name."""
        path = self.folder / 'it\'s `here` $(now) "x".pamcap'
        result = support.run(support.COLLECT, "-p", self.pid, "-d", "0.5", "-i", "0.1", "-o", path)
        command = re.search(r"next: (pamconvert .*?) && ", result.err, re.DOTALL)[1]
        again = support.run("sh", "-c", command, env={"PATH": f"{support.BIN}:/usr/bin:/bin"}, cwd=self.folder)
        self.assertEqual(again.status, 0, f"{command}\n{again.err}")

    def test_messages_do_not_command_the_terminal(self):
        """A command line is its process's to choose; on our terminal it must not act."""
        evil = "\x1b]0;owned\x07\x1b[2J"
        pids = [self.sleeper_called(evil), self.sleeper_called(evil)]
        for options in (["-p", pids[0]], ["--match", "]0;owned"], ["-p", pids[0], "-s", evil]):
            terminal = Terminal(support.COLLECT, "-d", "0.1", "-o", f"{self.folder}/", *options)
            self.addCleanup(terminal.close)
            terminal.wait()
            self.assertNotIn("\x1b]", terminal.text, options)
            self.assertNotIn("\x1b[2J", terminal.text, options)

    def sleeper_called(self, name):
        script = 'import time; print(\'{"pid": %d}\' % __import__("os").getpid(), flush=True); time.sleep(30)'
        target = support.Target([name, "-c", script], executable=support.need_python())
        self.addCleanup(target.end)
        return target.pid


if __name__ == "__main__":
    unittest.main()
