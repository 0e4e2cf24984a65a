"""A thread in a call into C shows what it calls, as the source has it, as leaf `X [C]`."""

import unittest

import shares
import support

SECONDS = 7.5
RATE = 200


def without_wait(stack):
    """Off its CPU a thread also shows what it waits in."""
    return stack[:-1] if stack[-1].endswith(" [wait]") else stack


class Calls(support.Case):
    def measure(self):
        truth, path = self.capture_target("ccalls", SECONDS, collect=["-r", RATE], python=self.python)
        self.truth, self.path = truth["calls"], path
        functions = {call["function"]: call["wall"] for call in self.truth}
        tid = support.of_type(support.dump(path), "process")[0].fields["pid"]
        return shares.Shares(support.time_of(path, tid, functions), functions, support.health(path)["ticks"])

    def test_callees_shares_and_lines(self):
        for version, self.python in support.pythons(support.KINDS):
            with self.subTest(version=version):
                self.check_all()

    def check_all(self):
        shares.check_shares(self, self.measure)
        document = support.speedscope(self.path)
        stacks = [(without_wait(stack), weight) for stack, weight in document.stacks(document.profiles[0])]
        for call in self.truth:
            with self.subTest(call=call["callee"]):
                self.check(call, [(stack, weight) for stack, weight in stacks if call["function"] in stack])
                self.assertIn(
                    call["line"], {frame["line"] for frame in document.frames if frame["name"] == call["function"]}
                )

    def check(self, call, stacks):
        leaf = (call["leaf"], call["callee"] + " [C]")
        inside = sum(weight for stack, weight in stacks if stack[-2:] == leaf)
        others = {stack[-1] for stack, _ in stacks if stack[-2:] != leaf}
        print(f"{call['function']}: {inside / sum(weight for _, weight in stacks):.1%} in {leaf[1]}, else {others}")
        self.assertGreater(inside, 0.9 * sum(weight for _, weight in stacks), others)


if __name__ == "__main__":
    unittest.main()
