"""A stack of 300 different functions is seen in order, with the line of every call."""

import re
import unittest

import support


class Deep(support.Case):
    def test_chain(self):
        truth, path = self.capture_target("deep", 6)
        document = support.speedscope(path)
        profile = document.profiles[0]
        whole = total = 0
        for sample, weight in zip(profile["samples"], profile["weights"]):
            frames = [document.frames[frame] for frame in sample]
            chain = [frame for frame in frames if re.fullmatch(r"f\d{3}", frame["name"])]
            total += weight * bool(chain)
            names = [frame["name"] for frame in chain]
            self.assertEqual(names, truth["chain"][: len(names)])  # a beginning of it, in order
            if names == truth["chain"]:
                whole += weight
                self.assertEqual([frame["line"] for frame in chain[:-1]], truth["lines"])
                self.assertEqual({frame["file"] for frame in chain}, {truth["file"]})
        print(f"{whole / total:.2%} of the time with the whole chain")
        self.assertGreater(whole, 0.9 * total)


if __name__ == "__main__":
    unittest.main()
