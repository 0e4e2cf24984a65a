"""Recursion of known depth is seen with exactly that depth."""

import unittest

import support

DEPTHS = (20, 300, 900)


class Recursion(support.Case):
    def test_exact_depth(self):
        self.check_all([(depth, support.need_python()) for depth in DEPTHS])

    def test_each_version(self):
        self.check_all([(DEPTHS[-1], python) for _, python in support.pythons(support.KINDS)])

    def check_all(self, targets):
        at_once = len(DEPTHS) if support.SLOW > 1 else len(targets)  # more of them do little else than recurse there
        captures = [
            lambda depth=depth, python=python: self.capture_target("recursion", 5, "--depth", depth, python=python)
            for depth, python in targets
        ]
        captures = [
            capture for i in range(0, len(targets), at_once) for capture in support.parallel(*captures[i : i + at_once])
        ]
        for (depth, python), (truth, path) in zip(targets, captures):
            with self.subTest(depth=depth, python=python):
                self.check(truth, path)

    def check(self, truth, path):
        document = support.speedscope(path)
        stacks = [(stack, weight) for stack, weight in document.stacks(document.profiles[0]) if truth["leaf"] in stack]
        self.assertGreater(sum(weight for _, weight in stacks), 3_000_000)  # microseconds, of 5 s
        for stack, _ in stacks:
            at = stack.index(truth["leaf"])
            self.assertEqual(stack[at - truth["frames"] : at], (truth["function"],) * truth["frames"])
            self.assertEqual(stack.count(truth["function"]), truth["frames"])


if __name__ == "__main__":
    unittest.main()
