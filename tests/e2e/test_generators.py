"""Coroutines and generators that suspend and resume: every stack is one that the program can have."""

import unittest

import support

MAY_CALL_MORE = {"main", "work", "await_5"}  # truth.py or asyncio


class Generators(support.Case):
    def test_every_stack_is_a_chain(self):
        for version, python in support.pythons(support.KINDS):
            with self.subTest(version=version):
                self.check(python)

    def check(self, python):
        truth, path = self.capture_target("generators", 3, collect=["-r", 400], python=python)
        document = support.speedscope(path)
        chains, seen = truth["chains"], {tuple(chain): 0 for chain in truth["chains"]}
        names = {name for chain in chains for name in chain}
        count = 0
        for stack, _ in document.stacks(document.profiles[0]):
            inner = [i for i, name in enumerate(stack) if name in names]
            if not inner:
                continue
            count += 1
            part = stack[inner[0] : inner[-1] + 1]
            made = part == tuple(truth["makes"]) and stack[-1] == part[-1]
            self.assertTrue(made or any(part == tuple(chain[: len(part)]) for chain in chains), stack)
            rest = [name for name in stack[inner[-1] + 1 :] if not name.endswith(" [C]")]
            self.assertTrue(not rest or part[-1] in MAY_CALL_MORE, stack)
            if part in seen:
                seen[part] += 1
        print(f"{count} stacks, whole chains: {list(seen.values())}")
        self.assertGreater(min(seen.values()), 0.1 * count)


if __name__ == "__main__":
    unittest.main()
