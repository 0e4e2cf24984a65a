"""What calls without end is told as often as what stays, however short both are: a look that did not succeed counts,
and one that follows until it does tells no other moment."""

import unittest

import shares
import support

SECONDS = 3
RATE = 1000


class Phases(support.Case):
    def measure(self, python):
        target = self.target("phases", SECONDS, python=python)
        with self.placed(target.pid, together=True):
            path = self.collect("-p", target.pid, "-r", RATE)
        truth = target.truth()
        looks, other = dict.fromkeys(truth, 0), 0
        for frames, weight in support.collapsed(path, weight="samples"):
            phase = next((name for name in truth for frame in frames if frame.startswith(f"{name} (")), None)
            if phase:
                looks[phase] += weight
            else:
                other += weight
        self.assertLess(other, 0.05 * sum(looks.values()))  # between the two, or cut there
        return shares.Shares(looks, truth, sum(looks.values()))

    def test_phases(self):
        for version in support.PYTHONS:
            python = support.find_python(version)
            if python:
                with self.subTest(version=version):
                    print(f"{version}:")
                    shares.check_shares(self, lambda: self.measure(python))


if __name__ == "__main__":
    unittest.main()
