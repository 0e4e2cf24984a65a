"""Rules that every source file follows."""

import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

PARTS = ("include", "collector", "convert", "plot", "tests", "samples", "docs", "cmake", ".ci")
CODE = {".c", ".h", ".def", ".py", ".sh", ".cmake"}
MOST_LINES = 500
GENERATED = {"layout.def", "opcodes.def", *(f"code_cases_3_{minor}.def" for minor in range(8, 15))}


def sources(*suffixes):
    for part in PARTS:
        for path in sorted((support.ROOT / part).rglob("*")):
            if path.suffix in (suffixes or CODE) and path.is_file() and "__pycache__" not in path.parts:
                yield path


class Sources(support.Case):
    def collect(self, check, *suffixes):
        wrong = [f"{path.relative_to(support.ROOT)}: {what}" for path in sources(*suffixes) if (what := check(path))]
        self.assertEqual(wrong, [], "\n".join(wrong))

    def test_there_are_sources(self):
        self.assertGreater(len(list(sources(".c"))), 40)

    def test_length(self):
        def check(path):
            lines = path.read_text(encoding="utf-8").count("\n")
            return f"{lines} lines" if lines > MOST_LINES and path.name not in GENERATED else None

        self.collect(check)

    def test_first_line(self):
        """`/* name.c - its job */`: the first comment says what the file is called and what it is for."""

        def check(path):
            first = path.read_text(encoding="utf-8").split("\n", 1)[0]
            return first[:80] if not re.match(rf"/\* {re.escape(path.name)} - \S", first) else None

        self.collect(check, ".c", ".h", ".def")

    def test_python_opens_with_a_sentence(self):
        def check(path):
            text = path.read_text(encoding="utf-8")
            return None if re.match(r'(?:#!.*\n)?"""\S.{20,}', text) else text[:60]

        self.collect(check, ".py")

    def test_no_include_out_of_a_folder(self):
        def check(path):
            match = re.search(r'#\s*include\s*[<"][^>"]*\.\./[^\n]*', path.read_text(encoding="utf-8"))
            return match and match[0]

        self.collect(check, ".c", ".h", ".def")

    def test_header_guards(self):
        def check(path):
            return (
                None
                if re.search(r"#ifndef PAM_\w+_H\n#define PAM_\w+_H\n", path.read_text(encoding="utf-8"))
                else "no guard"
            )

        self.collect(check, ".h")

    def test_no_marks_of_unfinished_work(self):
        marks = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b[^\n]*")

        def check(path):
            match = marks.search(path.read_text(encoding="utf-8"))
            return match and match[0]

        self.collect(check)

    def test_white_space(self):
        def check(path):
            text = path.read_bytes()
            return (
                "a tab"
                if b"\t" in text
                else "a carriage return"
                if b"\r\n" in text
                else "blanks at the end of a line"
                if re.search(rb"[ ]\n", text)
                else "no end of the last line"
                if text and not text.endswith(b"\n")
                else None
            )

        self.collect(check, ".c", ".h", ".def", ".py", ".cmake")

    def test_utf_8(self):
        for path in sources():
            path.read_text(encoding="utf-8")

    def test_python_compiles(self):
        for path in sources(".py"):
            compile(path.read_text(encoding="utf-8"), str(path), "exec")

    def test_shell_scripts(self):
        for path in sources(".sh"):
            self.assertEqual(subprocess.run(["bash", "-n", path], capture_output=True).returncode, 0, path)


if __name__ == "__main__":
    unittest.main()
