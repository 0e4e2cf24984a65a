"""A process or thread is sampled from its birth on like any other, also when it computes and so never brings a record."""

import collections
import unittest

import support

SECONDS = 10
RATE = 100


class Newborn(support.Case):
    def test_children_that_compute(self):
        target = self.target("newborn", SECONDS)
        with self.placed(target.pid, always=True):  # so that the collector is not who makes one switch
            path = self.collect("-p", target.pid, "-r", RATE, timeout=SECONDS + support.TIMEOUT)
        truth = target.truth()
        records = support.dump(path)
        samples = collections.Counter(record.fields["thread"] for record in support.of_type(records, "sample"))
        of_pid = {record.fields["pid"]: samples[record.fields["id"]] for record in support.of_type(records, "thread")}
        told = [(of_pid.get(pid, 0), seconds * RATE) for pid, seconds in truth["children"][1:-1]]  # the first and the last are there in part
        print([f"{count} of {wanted:.0f}" for count, wanted in told])
        self.assertGreater(len(told), 5)
        for count, wanted in told:
            self.assertGreater(count, 0.7 * wanted)


if __name__ == "__main__":
    unittest.main()
