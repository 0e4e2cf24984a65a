"""Shares of time as measured against shares as they were, in standard errors."""

import collections
import math


class Shares:
    """Time by name, as measured in so many looks and as it was."""

    BOUND = 3  # standard errors
    HOPELESS = 6  # one in 500 million by chance

    def __init__(self, measured, truth, looks):
        self.measured, self.truth, self.looks = collections.Counter(measured), collections.Counter(truth), looks

    def rows(self):
        """Yield name, share measured, share in truth, their difference in standard errors."""
        measured_sum, true_sum = sum(self.measured.values()) or 1, sum(self.truth.values()) or 1
        for name in sorted({*self.measured, *self.truth}):
            measured, true = self.measured[name] / measured_sum, self.truth[name] / true_sum
            floor = 1 / self.looks  # a share of 0 or 1 has an error all the same
            error = math.sqrt(max(true, floor) * max(1 - true, floor) / self.looks)
            yield name, measured, true, (measured - true) / error

    def worst(self):
        return max(abs(row[3]) for row in self.rows())

    def __str__(self):
        return (
            "\n".join(
                f"  {name:32} {measured:8.4f} true {true:8.4f}  {errors:+.2f} standard errors"
                for name, measured, true, errors in self.rows()
            )
            + f"\n  ({self.looks} looks)"
        )


def check_shares(case, measure):
    """Of good measurements one in 370 is beyond 3 standard errors by chance, so that must happen twice."""
    shares = measure()
    print(shares, flush=True)
    if Shares.BOUND < shares.worst() < Shares.HOPELESS:
        print("again:", shares := measure(), sep="\n", flush=True)
    case.assertLessEqual(shares.worst(), Shares.BOUND, f"a share is wrong by that many standard errors\n{shares}")
