"""The same capture gives the same bytes, at any time, in any time zone and locale, from a file or a pipe."""

import unittest

import support

FORMATS = (
    ["speedscope"],
    ["collapsed"],
    ["collapsed", "--weight", "cpu"],
    ["collapsed", "--weight", "samples"],
    ["csv"],
    ["csv", "--columns", "all"],
    ["dump"],
)
PLACES = (
    {"TZ": "UTC"},
    {"TZ": "Asia/Kathmandu"},
    {"TZ": "America/St_Johns", "LC_ALL": "de_DE.UTF-8"},
    {"TZ": ":/nonexistent", "LC_ALL": "C", "LANG": "tr_TR.UTF-8"},
    {"TZ": "ABC-23:59", "LC_ALL": "C.UTF-8"},
    {},
)


class Determinism(support.Case):
    @classmethod
    def setUpClass(cls):
        case = cls.of_class()
        _, cls.path = case.capture_target("names", 3, collect=["-i", "0.5"], env={"LC_ALL": "C.UTF-8"})

    def test_any_place(self):
        for format in FORMATS:
            expected = self.convert(self.path, "-f", *format).out
            self.assertTrue(expected)
            for place in PLACES:
                with self.subTest(format=format, place=place):
                    self.assertEqual(self.convert(self.path, "-f", *format, env=place).out, expected)

    def test_file_name_and_way_do_not_matter(self):
        other = self.folder / "another name.pamcap"
        other.write_bytes(self.path.read_bytes())
        for format in FORMATS:
            output = self.folder / "output"
            expected = self.convert(self.path, "-f", *format).out
            self.assertEqual(self.convert(other, "-f", *format).out, expected)
            self.convert(other, "-f", *format, "-o", output)
            self.assertEqual(output.read_bytes(), expected)

    def test_all_is_the_formats_one_by_one(self):
        other = self.folder / "pam_x_20260211_143022.pamcap"
        other.write_bytes(self.path.read_bytes())
        self.convert(other, "--all")
        for suffix, format in (("_profile.speedscope.json", "speedscope"), ("_cpu.csv", "csv")):
            self.assertEqual(
                other.with_name("pam_x_20260211_143022" + suffix).read_bytes(), self.convert(other, "-f", format).out
            )
        self.assertEqual(len(list(self.folder.iterdir())), 3)

    def test_offset_of_the_board(self):
        """The collector's zone is in the capture; daylight saving and half hours too."""
        for zone, offset in (("UTC", 0), ("Asia/Kathmandu", 20700), ("ABC+3:30", -12600), ("ABC-14", 50400)):
            path = self.collect("-p", self.sleeper(), "-d", "0.1", env={"TZ": zone})
            session = support.of_type(support.dump(path), "session")[0].fields
            self.assertEqual(int(session.get("utc_offset_s", 0)), offset, zone)


if __name__ == "__main__":
    unittest.main()
