"""Arrows between the parts point one way: an include against them does not compile with the flags of the build."""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

DATABASE = pathlib.Path(os.environ.get("PAM_COMPILE_COMMANDS", support.BIN.parent / "compile_commands.json"))
# Who includes what, by a header that only the other part has.
FORBIDDEN = [
    ("convert", "sampler.h"),
    ("convert", "collector/sampler.h"),
    ("convert", "kernel/monitor.h"),
    ("plot", "sampler.h"),
    ("plot", "kernel/monitor.h"),
    ("plot", "collector/options.h"),
    ("plot", "python/stack.h"),
    ("plot", "formats/format.h"),
    ("plot", "symbols/labels.h"),
    ("plot", "convert/convert.h"),
    ("collector", "convert.h"),
    ("collector", "reader.h"),
    ("collector", "read/reader.h"),
    ("collector", "formats/format.h"),
    ("collector", "gnuplot.h"),
    ("collector", "convert/read/reader.h"),
    ("read", "formats/format.h"),
    ("read", "symbols/labels.h"),
    ("read", "convert.h"),
    ("read", "sampler.h"),
    ("read", "gnuplot.h"),
]
ALLOWED = [
    ("convert", "reader.h"),
    ("convert", "formats/format.h"),
    ("plot", "reader.h"),
    ("plot", "gnuplot.h"),
    ("collector", "sampler.h"),
    ("collector", "kernel/monitor.h"),
    ("read", "reader.h"),
    *((part, "pam/record.h") for part in ("collector", "read", "convert", "plot")),
]
FOLDERS = {"collector": "collector/", "read": "convert/read/", "convert": "convert/", "plot": "plot/"}


def part_of(file):
    path = pathlib.Path(file).resolve()
    if path.is_relative_to(support.ROOT) and not path.is_relative_to(support.ROOT / "build"):
        relative = str(path.relative_to(support.ROOT))
        return max(
            (part for part, folder in FOLDERS.items() if relative.startswith(folder)),
            key=lambda part: len(FOLDERS[part]),
            default=None,
        )
    return None


class Includes(support.Case):
    @classmethod
    def setUpClass(cls):
        if not DATABASE.exists():
            raise unittest.SkipTest(f"no {DATABASE} (PAM_COMPILE_COMMANDS=PATH names one)")
        cls.flags = {}
        for entry in json.loads(DATABASE.read_text()):
            part = part_of(entry["file"])
            words = shlex.split(entry.get("command", "")) or entry["arguments"]
            folders = [word for word in words if word.startswith(("-I", "-isystem", "-D", "-std"))]
            cls.flags.setdefault(part, set()).add((words[0], tuple(folders)))

    def compiles(self, part, header):
        """With the flags of any file of that part."""
        source = self.folder / "one_line.c"
        source.write_text(f'#include "{header}"\n')
        outcomes = {
            subprocess.run([compiler, *flags, "-fsyntax-only", "-w", source], capture_output=True).returncode == 0
            for compiler, flags in self.flags[part]
        }
        return any(outcomes)

    def test_forbidden(self):
        for part, header in FORBIDDEN:
            self.assertTrue(list(support.ROOT.rglob(header.rpartition("/")[2])), f"{header} is gone: take another one")
            self.assertFalse(self.compiles(part, header), f"{part} can include {header}")

    def test_allowed(self):
        for part, header in ALLOWED:
            self.assertTrue(self.compiles(part, header), f"{part} cannot include {header}: the test proves nothing")

    def test_the_root_is_on_no_include_path(self):
        for part in FOLDERS:
            for _, flags in self.flags[part]:
                for flag in flags:
                    self.assertNotEqual(pathlib.Path(flag.removeprefix("-I")).resolve(), support.ROOT)


if __name__ == "__main__":
    unittest.main()
