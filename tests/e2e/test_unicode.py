"""Names and files of any script come through every format unchanged."""

import unittest

import shares
import support


class Unicode(support.Case):
    def test_names_files_lines_and_shares(self):
        for version, python in support.pythons(support.KINDS):
            with self.subTest(version=version):
                self.check_all(python)

    def check_all(self, python):
        truth = {}

        def measure():
            truth["told"], truth["path"] = self.capture_target("unicode", 5, collect=["-r", 200], python=python)
            wall = {function["qualname"]: 0 for function in truth["told"]["functions"]}
            tid = support.of_type(support.dump(truth["path"]), "process")[0].fields["pid"]
            return shares.Shares(
                support.time_of(truth["path"], tid, wall), truth["told"]["wall"], support.health(truth["path"])["ticks"]
            )

        shares.check_shares(self, measure)
        for function in truth["told"]["functions"]:
            with self.subTest(function=function["qualname"]):
                self.check(function, truth["path"])

    def check(self, function, path):
        frames = [frame for frame in support.speedscope(path).frames if frame["name"] == function["qualname"]]
        self.assertTrue(frames)
        for frame in frames:
            self.assertEqual(frame["file"], function["file"])
            self.assertIn(frame["line"] - function["line"], (0, 1, 2))  # the def, the while, its body
        lines = [":".join(frame.split(":")[:-1]) for stack, _ in support.collapsed(path) for frame in stack]
        self.assertIn(f"{function['qualname']} ({function['file']}", lines)
        strings = [record.fields["text"] for record in support.of_type(support.dump(path), "string")]
        self.assertIn(function["qualname"], strings)
        self.assertIn(function["file"], strings)


if __name__ == "__main__":
    unittest.main()
