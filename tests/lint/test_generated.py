"""Tables that are generated from others are in step with them, and the limits of the tests' own goldens hold."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

RECORDS = support.ROOT / "include/pam/records.def"
LAYOUT = support.ROOT / "collector/python/layout.def"
PYTHONS = support.ROOT / "docs/pythons.md"


class Generated(support.Case):
    def test_capture_format(self):
        result = support.run(sys.executable, support.ROOT / "docs/gen_records.py", "--check")
        self.assertEqual((result.status, result.err), (0, ""))

    def test_layouts(self):
        """Each row of layout.def is what its CPython's headers say, those of release and debug builds, where they are here."""
        rows = LAYOUT.read_text()
        checked = []
        for version in support.PYTHONS:
            python = support.find_python(version)
            result = python and support.run(python, support.ROOT / "collector/python/gen_layout.py")
            if result and result.status == 0:
                row = result.out.decode().partition("\n")[2]
                self.assertIn(row, rows, version)
                checked.append(version)
        print("checked:", *checked)
        if not checked:
            self.skipTest("no Python of the table with its headers is here")

    def test_pythons(self):
        """The rows of layout.def, those of docs/pythons.md and the list of the tests are the same CPythons."""
        rows = re.findall(r"^/\* CPython (3\.\d+)\.\d+(t?)", LAYOUT.read_text(), re.MULTILINE)
        table = re.findall(r"^\| (3\.\d+) \| ([\w-]+) \| ([\w ]+) \| ([\w ]+) \|", PYTHONS.read_text(), re.MULTILINE)
        letters = {"release": "", "debug": "d", "free-threaded": "t"}
        read = {version + letters[build] for version, build, *cells in table if cells != ["refused"] * 2}
        self.assertEqual(read, set(support.PYTHONS))
        self.assertEqual({version for version in read if not version.endswith("d")}, {"".join(row) for row in rows})

    def test_the_check_can_fail(self):
        """On a copy in which a field has another name."""
        for part in ("docs", "include/pam"):
            (self.folder / part).mkdir(parents=True)
            for path in (support.ROOT / part).iterdir():
                if path.is_file():
                    (self.folder / part / path.name).write_bytes(path.read_bytes())
        records = self.folder / "include/pam/records.def"
        records.write_text(records.read_text().replace("FIELD(session, scenario,", "FIELD(session, label,"))
        self.assertNotEqual(support.run(sys.executable, self.folder / "docs/gen_records.py", "--check").status, 0)

    def test_record_numbers(self):
        """Given once, in order, without holes: an id is never used again."""
        numbers = [int(number) for number in re.findall(r"^RECORD\((\d+),", RECORDS.read_text(), re.MULTILINE)]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_captures_kept_here_are_small(self):
        for path in (support.ROOT / "tests/golden").glob("*.pamcap"):
            self.assertLess(path.stat().st_size, 60_000, path)


if __name__ == "__main__":
    unittest.main()
