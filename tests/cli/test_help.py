"""What the programs say of themselves: on standard output, within 80 columns, and nothing else anywhere."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

PROGRAMS = {"pamcollect": support.COLLECT, "pamconvert": support.CONVERT, "pamplot": support.PLOT}
OPTIONS = {
    "pamcollect": "-p --pid -m --match --listen --unit -w --wait --follow -r --rate -i --interval -d --duration --no-children "
    "-s --scenario --switches -e --event --native --kernel --bundle --tasks --mark -o --output --sync -q --quiet -v --verbose -h --help --usage -V --version",
    "pamconvert": "-f --format -o --output --list-formats --all --columns --weight --thread --process --from --to "
    "--on-cpu --no-idle --gil --positions --sysroot -q --quiet -h --help --usage -V --version",
    "pamplot": "-o --output -k --kind -t --terminal -T --title -q --quiet -h --help -V --version",
}


class Help(support.Case):
    def test_help(self):
        for name, path in PROGRAMS.items():
            result = support.run(path, "--help")
            self.assertEqual((result.status, result.err), (0, ""))
            text = result.out.decode("utf-8")
            self.assertTrue(text.startswith(f"Usage: {name} "), text[:50])
            self.assertTrue(text.endswith("\n"))
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)
            self.assertRegex(text.lower(), "exit status")

    def test_short_help_is_the_same(self):
        for path in PROGRAMS.values():
            self.assertEqual(support.run(path, "-h"), support.run(path, "--help"))

    def test_help_wins_over_what_is_wrong_behind_it(self):
        for path in PROGRAMS.values():
            self.assertEqual(support.run(path, "--help", "--no-such-option").status, 0)

    def test_the_terminals_width_does_not_matter(self):
        for path in PROGRAMS.values():
            self.assertEqual(support.run(path, "--help", env={"COLUMNS": "40"}), support.run(path, "--help"))

    def test_every_option_is_in_it(self):
        for name, path in PROGRAMS.items():
            text = support.run(path, "--help").out.decode()
            found = set(
                re.findall(
                    r"(?<![\w-])(--[a-z][a-z-]*|-[a-zA-Z])(?![\w-])",
                    "\n".join(line for line in text.splitlines() if re.match(r"  +-", line)),
                )
            )
            self.assertEqual(found, set(OPTIONS[name].split()))

    def test_version(self):
        for name, path in PROGRAMS.items():
            for option in ("--version", "-V"):
                result = support.run(path, option)
                self.assertEqual((result.status, result.err), (0, ""))
                self.assertRegex(result.out.decode(), rf"\A{name} \d+\.\d+\.\d+\n\Z")

    def test_versions_are_equal(self):
        self.assertEqual(len({support.run(path, "--version").out.split()[1] for path in PROGRAMS.values()}), 1)

    def test_unknown_option(self):
        for name, path in PROGRAMS.items():
            for option in ("--no-such-option", "-Z"):
                result = support.run(path, option)
                self.assertEqual((result.status, result.out), (2, b""))
                self.assertIn(option.lstrip("-"), result.err)
                self.assertIn("--help", result.err)

    def test_what_an_error_advises_works(self):
        """ "Try `x --help' or `x --usage' for more information": whatever is named there must exist."""
        for path in PROGRAMS.values():
            for option in re.findall(r"`\S+ (--\w+)'", support.run(path, "--no-such-option").err):
                self.assertEqual(support.run(path, option).status, 0, f"{path} {option}")

    def test_nothing_given(self):
        for name in ("pamconvert", "pamplot"):
            result = support.run(PROGRAMS[name])
            self.assertEqual((result.status, result.out), (2, b""), result.err)

    def test_formats_are_listed(self):
        result = support.run(support.CONVERT, "--list-formats")
        self.assertEqual((result.status, result.err), (0, ""))
        lines = result.out.decode().splitlines()
        self.assertLessEqual({"speedscope", "collapsed", "csv", "dump"}, {line.split()[0] for line in lines})
        for line in lines:
            self.assertLessEqual(len(line), 80)


if __name__ == "__main__":
    unittest.main()
