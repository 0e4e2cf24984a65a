"""Threads that come and go all the time: nothing is lost, invented or left over."""

import collections
import re
import unittest

import support

SECONDS = 8
LABEL = re.compile(r"(?:churn-\d+|MainThread|python\S*) \(\d+\)")


class Churn(support.Case):
    @classmethod
    def setUpClass(cls):
        case = cls.of_class()
        cls.truth, cls.path = case.capture_target("churn", SECONDS)
        cls.records = support.dump(cls.path)

    def test_capture_is_complete(self):
        self.assertEqual(self.records[-1].type, "end")
        self.assertEqual(self.records[-1].fields["reason"], "the target exited")

    def test_labels(self):
        for name in support.speedscope(self.path).names[:-1]:
            self.assertRegex(name, LABEL)

    def test_no_more_threads_than_were_started(self):
        tids = {record.fields["tid"] for record in support.of_type(self.records, "thread")}
        self.assertLessEqual(len(tids), self.truth["started"] + 1)
        # They live for 50 ms at least, so at 100 Hz nearly all are seen.
        self.assertGreater(len(tids), 0.9 * self.truth["started"])

    def test_ids_are_given_once(self):
        tids = collections.defaultdict(set)
        for record in support.of_type(self.records, "thread"):
            tids[record.fields["id"]].add(record.fields["tid"])
        self.assertEqual([pair for pair in tids.items() if len(pair[1]) > 1], [])

    def test_names_are_seen(self):
        named = [name for name in support.speedscope(self.path).names if name.startswith("churn-")]
        print(f"{len(named)} of {self.truth['started']} threads have their names")
        self.assertGreater(len(named), 0.5 * self.truth["started"])

    def test_time_together(self):
        """A thread is first seen a tick or two after its birth; its last stack must not go on after its end."""
        document = support.speedscope(self.path)
        seconds = (
            sum(
                weight
                for profile in document.profiles[:-1]
                for stack, weight in document.stacks(profile)
                if self.truth["function"] in stack
            )
            / 1e6
        )
        print(f"{seconds:.2f} s in {self.truth['function']}, in truth {self.truth['alive_seconds']:.2f} s")
        self.assertAlmostEqual(seconds, self.truth["alive_seconds"], delta=0.15 * self.truth["alive_seconds"])

    def test_few_failures(self):
        health = support.health(self.path)
        self.assertLess(health.get("failed", 0), 0.02 * health["wanted"])


if __name__ == "__main__":
    unittest.main()
