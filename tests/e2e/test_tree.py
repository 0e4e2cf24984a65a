"""A program whose stack changes all the time, sampled at 500 Hz: no stack that it never had."""

import unittest

import support


ENOUGH = 1000  # stacks; where a machine gives its CPUs to others most ticks are late, and more captures are taken
CAPTURES = 6


class Tree(support.Case):
    def test_no_impossible_stack(self):
        stacks, not_c = 0, 0
        for _ in range(CAPTURES):
            more, more_not_c = self.check_capture()
            stacks, not_c = stacks + more, not_c + more_not_c
            if stacks > ENOUGH:
                break
        self.assertGreater(stacks, ENOUGH)
        # Caught in the call itself, before its frame was there: rare, or calls into Python are shown as C.
        self.assertLess(not_c, 0.01 * stacks)

    def check_capture(self):
        """How many stacks there were, and how many of them name a function of the tree as C."""
        truth, path = self.capture_target("tree", 6, collect=["-r", "500"])
        document = support.speedscope(path)
        parents, stacks, wrong, not_c = truth["parents"], 0, [], 0
        for stack, _ in document.stacks(document.profiles[0]):
            stacks += 1
            python = [name for name in stack if not name.endswith(" [C]")]
            wrong += [
                stack
                for caller, name in zip(["<none>", *python], python)
                if name in parents and parents[name] != caller
            ]
            if stack[-1].removesuffix(" [C]") in ({"root", "walk", *parents} - {stack[-1]}):
                not_c += 1
        health = support.health(path)
        kept, dropped = health["frames_kept"], health.get("frames_dropped", 0)
        print(
            f"{stacks} stacks, {health['wanted']} wanted, {health.get('failed', 0)} failed, "
            f"{health.get('truncated', 0)} cut, {kept / (kept + dropped):.1%} of frames kept"
        )
        self.assertEqual(wrong, [])
        self.assertLess(health.get("failed", 0), 0.25 * health["wanted"])
        self.assertGreater(kept, 0.6 * (kept + dropped))  # how much is a matter of the benchmark
        return stacks, not_c


if __name__ == "__main__":
    unittest.main()
