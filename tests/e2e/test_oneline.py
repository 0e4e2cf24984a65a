"""--positions tells calls on one line apart, by the columns that Python's parser gives them."""

import unittest

import shares
import support

SECONDS = 6
RATE = 200


class OneLine(support.Case):
    def setUp(self):
        super().setUp()
        self.truth = self.path = None

    def document(self, *options):
        return support.Speedscope(self.convert(self.path, "-q", "-f", "speedscope", *options).out)

    def time_by_place(self, document):
        """Time in which the function stood at each place of its line."""
        sums = {}
        for sample, weight in zip(document.profiles[0]["samples"], document.profiles[0]["weights"], strict=True):
            frames = [document.frames[frame] for frame in sample]
            caller = next((frame for frame in frames if frame["name"] == self.truth["function"]), None)
            if caller and self.spin in [frame["name"] for frame in frames]:
                place = tuple(caller.get(key) for key in ("line", "col", "endLine", "endCol"))
                sums[place] = sums.get(place, 0) + weight
        return sums

    def measure(self):
        self.truth, self.path = self.capture_target("oneline", SECONDS, collect=("-r", RATE), python=self.python)
        names = {}  # by place, as the output has it: counted from 1, the last byte included
        for name, (line, column, end_line, end_column) in self.truth["places"].items():
            names[line, column + 1, end_line, end_column] = name
        sums = self.time_by_place(self.document("--positions"))
        measured = {names.get(place, place): sums[place] for place in sums}
        return shares.Shares(measured, self.truth["wall"], support.health(self.path)["ticks"])

    def test_calls_on_one_line(self):
        self.spin = "Tool.spin"
        with_columns = [version for version in support.VERSIONS if version not in support.WITHOUT_QUALNAMES]
        for version, self.python in support.pythons(with_columns):
            with self.subTest(version=version):
                print(version, self.spin)
                shares.check_shares(self, self.measure)
                self.check_other_formats()

    def check_other_formats(self):
        line = self.truth["places"]["two"][0]
        collapsed = {frame for stack, _ in support.collapsed(self.path, options=("--positions",)) for frame in stack}
        for _, column, end_line, end_column in self.truth["places"].values():
            place = f":{line}:{column + 1}-{end_line}:{end_column})"
            self.assertTrue(any(frame.endswith(place) for frame in collapsed), place)
        name = self.truth["function"]
        plain = [frame for frame in self.document().frames if frame["name"] == name and frame["line"] == line]
        self.assertEqual(len(plain), 1, "a box a line, without the option")
        self.assertNotIn("col", plain[0])

    def test_versions_without_columns(self):
        """3.8 to 3.10 have no columns and no qualified names."""
        self.spin = "spin"
        for version, self.python in support.pythons(support.WITHOUT_QUALNAMES):
            with self.subTest(version=version):
                self.truth, self.path = self.capture_target("oneline", 1, python=self.python)
                places = self.time_by_place(self.document("--positions"))
                self.assertEqual([*places], [(self.truth["places"]["two"][0], None, None, None)])


if __name__ == "__main__":
    unittest.main()
