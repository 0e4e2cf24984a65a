#!/usr/bin/env python3
"""Options, --help, man pages, README.md and the guide are in step. PAM_BIN names the folder of the programs."""

import functools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest
from collections import namedtuple

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PAM_BIN", ROOT / "build/dev/bin")).resolve()
PROGRAMS = ("pamcollect", "pamconvert", "pamplot")
GUIDE = ROOT / "docs/guide.md"
MAN = ROOT / "docs/man"
MAN_PAGES = ("pamcollect.1", "pamconvert.1", "pamplot.1", "pamcap.5")
PAGES = (ROOT / "README.md", GUIDE, ROOT / "samples/README.md")

Option = namedtuple("Option", "short long argument")  # as in ("-w", "--wait", "[=SECONDS]")
OPTION = re.compile(r"(?:(-\w), )?(--[a-z][a-z-]*)(\[=[^\]\s]+\]|=\S+)?")
COMMAND = re.compile(r"(?:\S*/)?(pamcollect|pamconvert|pamplot)")
SUDO = re.compile(r"(?:sudo|\$SUDO)")


# --- what the programs say ----------------------------------------------------------------------------

def output(program, *options):
    done = subprocess.run([BIN / program, *options], stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          timeout=60, text=True)
    if done.returncode or done.stderr:
        raise AssertionError(f"{program} {' '.join(options)}: status {done.returncode}: {done.stderr}")
    return done.stdout


@functools.lru_cache
def help_of(program):
    return output(program, "--help")


def options_in_help(text):
    """The options of argp's help: a description is indented deeper, or behind its option."""
    return {Option(*OPTION.match(line.strip()).groups()) for line in text.splitlines() if re.match(r" {2,6}-", line)}


def formats():
    return [line.split()[0] for line in output("pamconvert", "--list-formats").splitlines()]


# --- what the pages say -------------------------------------------------------------------------------

def read(path):
    return path.read_text(encoding="utf-8")


def plain(roff):
    """A line of a man page without its fonts and escapes."""
    return re.sub(r"\\f[BIRP]", "", roff).replace(r"\-", "-")


def section_of_man(page, title):
    found = re.search(rf'^\.SH "?{title}"?\n(.*?)(?=^\.SH|\Z)', read(MAN / page), re.M | re.S)
    if not found:
        raise AssertionError(f"{page} has no section {title}")
    return found.group(1)


def tags(text):
    """The first line behind each .TP."""
    return [plain(line).strip() for line in re.findall(r"^\.TP.*\n(.*)", text, re.M)]


def options_in_man(program):
    found = [OPTION.fullmatch(tag) for tag in tags(section_of_man(f"{program}.1", "OPTIONS")) if tag.startswith("-")]
    return {Option(*match.groups()) if match else None for match in found}


def section_of_guide(title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", read(GUIDE), re.M | re.S)
    if not found:
        raise AssertionError(f"docs/guide.md has no section {title}")
    return found.group(1)


def options_in_guide(program):
    """The rows of its tables that begin with an option."""
    cells = re.findall(r"^\| `(-[^`]+)` \|", section_of_guide(program), re.M)
    return {Option(*match.groups()) for cell in cells if (match := OPTION.fullmatch(cell))}


def pieces_of_code(text):
    """Indented and fenced lines, with continuations joined, and `spans`."""
    fenced, joined = False, ""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            joined += line.strip().removesuffix("\\")
            if not line.endswith("\\"):
                yield joined
                joined = ""
        else:
            yield from re.findall(r"`([^`]+)`", line)


def split(piece):
    """The words of shell text, operators as words of their own."""
    lexer = shlex.shlex(piece, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # an apostrophe: it is prose, or shell text that is wrong
        return piece.split()


def commands_in(text):
    """Yield (program, arguments) for each command line of the programs, up to a `--`."""
    for piece in pieces_of_code(text):
        command = []
        for word in [*split(piece), ";"]:
            if not set(word) <= set("|&;<>()"):
                command.append(word)
                continue
            while command and (SUDO.fullmatch(command[0]) or re.fullmatch(r"\w+=.*", command[0])):
                command = command[1:]
            match = COMMAND.fullmatch(command[0]) if command else None
            if match:
                arguments = command[1:]
                yield match.group(1), arguments[:arguments.index("--")] if "--" in arguments else arguments
            command = []


def wrong_options(program, arguments):
    """Yield the arguments that are options and not of this program."""
    known = options_in_help(help_of(program))
    rest = iter(arguments)
    for word in rest:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            option = next((option for option in known if option.long == name), None)
            if not option or (value and not option.argument):
                yield word
            elif option.argument and option.argument.startswith("=") and not value:
                next(rest, None)
        elif word.startswith("-") and word != "-":
            for i, letter in enumerate(word[1:], 2):
                option = next((option for option in known if option.short == "-" + letter), None)
                if not option:
                    yield word
                    break
                if option.argument:
                    if option.argument.startswith("=") and not word[i:]:
                        next(rest, None)
                    break


def statuses_of_pamcollect():
    """0 and those of the table in error.h, which the program exits with."""
    return {0, *map(int, re.findall(r"^ +ROW\(\w+, (\d+),", read(ROOT / "include/pam/error.h"), re.M))}


# --- the tests ----------------------------------------------------------------------------------------

class Docs(unittest.TestCase):
    maxDiff = None

    def check_command(self, program, arguments):
        self.assertEqual(list(wrong_options(program, arguments)), [], f"in: {program} {shlex.join(arguments)}")

    def test_help_fits_80_columns(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertEqual([line for line in help_of(program).splitlines() if len(line) > 80], [])

    def test_options_of_help_and_man_page(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                options = options_in_help(help_of(program))
                self.assertGreater(len(options), 5)
                self.assertEqual(options_in_man(program), options)

    def test_options_of_help_and_guide(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertEqual(options_in_guide(program), options_in_help(help_of(program)))

    def test_commands_use_options_that_exist(self):
        found = 0
        for page in PAGES:
            with self.subTest(page=str(page)):
                for program, arguments in commands_in(read(page)):
                    found += 1
                    self.check_command(program, arguments)
        self.assertGreater(found, 20)

    def test_examples_of_the_man_pages(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                lines = section_of_man(f"{program}.1", "EXAMPLES").replace(r"\e", "\\").splitlines()
                code = "".join(f"    {plain(line)}\n" for line in lines if not line.startswith("."))
                commands = list(commands_in(code))
                self.assertGreater(len(commands), 1)
                for name, arguments in commands:
                    self.check_command(name, arguments)

    def test_formats(self):
        in_man = [tag.split()[1] for tag in tags(section_of_man("pamconvert.1", "FORMATS"))]
        in_guide = re.findall(r"^\| `([a-z-]+)` \| `\S+` \|", section_of_guide("pamconvert"), re.M)
        self.assertEqual(in_man, formats())
        self.assertEqual(in_guide, formats())

    def test_kinds_of_pictures(self):
        kinds = re.findall(r"^  (\w+) ", help_of("pamplot").split("kinds:\n")[1].split("terminals:")[0], re.M)
        terminals = help_of("pamplot").split("terminals:\n")[1].splitlines()[0].split()
        for name in kinds + terminals:
            with self.subTest(name=name):
                self.assertRegex(section_of_man("pamplot.1", "OPTIONS"), rf"(?m)^\.BR? {name}\b")
                self.assertIn(f"`{name}`", section_of_guide("pamplot"))

    def test_exit_statuses(self):
        expected = {"pamcollect": statuses_of_pamcollect(), "pamconvert": {0, 1, 2}, "pamplot": {0, 1, 2}}
        self.assertGreater(len(expected["pamcollect"]), 6)
        for program in PROGRAMS:
            with self.subTest(program=program):
                in_man = [int(tag.removeprefix(".B ")) for tag in tags(section_of_man(f"{program}.1", "EXIT STATUS"))]
                self.assertEqual(in_man, sorted(expected[program]))
                in_help = re.split(r"(?i)exit status:", help_of(program))[1]
                small = {status for status in expected[program] if status < 125}
                self.assertEqual({int(number) for number in re.findall(r"\b\d+\b", in_help)}, small)
        self.assertIn("128+", section_of_man("pamcollect.1", "EXIT STATUS"))

    def test_records_of_the_capture(self):
        records = re.findall(r"^RECORD\(\d+, (\w+),", read(ROOT / "include/pam/records.def"), re.M)
        in_man = [tag.removeprefix(".B ") for tag in tags(section_of_man("pamcap.5", "DESCRIPTION"))]
        self.assertEqual(in_man, records)

    def test_scenarios_of_the_makefile(self):
        names = re.search(r"^SCENARIOS := (.*)", read(ROOT / "samples/Makefile"), re.M).group(1).split()
        for page in (GUIDE, ROOT / "samples/README.md"):
            with self.subTest(page=str(page)):
                self.assertEqual([name for name in names if f"| `{name}` |" not in read(page)], [])

    def test_links_lead_to_files(self):
        for page in PAGES:
            with self.subTest(page=str(page)):
                for target in re.findall(r"\]\(([^)#]+)\)", read(page)):
                    if not target.startswith("http"):
                        self.assertTrue((page.parent / target).exists(), target)

    def test_man_pages_are_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        for page in MAN_PAGES:
            with self.subTest(page=page):
                done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", MAN / page], capture_output=True,
                                      check=False, timeout=60, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
