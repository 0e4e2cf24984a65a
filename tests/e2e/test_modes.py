"""The way to tell who ran follows the target: switch records, schedstat while they would be dear, and back."""

import unittest

import support

SECONDS = 21
RATE = 500
SCHEDSTAT, RECORDS = 1, 3  # enum pam_sampling


class Modes(support.Case):
    def modes(self, path):
        """Each change, not what a new epoch repeats."""
        modes = support.of_type(support.dump(path), "mode")
        return [mode for before, mode in zip([None, *modes], modes) if not before or before.fields != mode.fields]

    def since(self, path):
        """By thread id, when it was sampled first, in seconds of CLOCK_MONOTONIC: what it had used before is no sample's."""
        records = support.dump(path)
        began = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        tids = {record.fields["id"]: record.fields["tid"] for record in support.of_type(records, "thread")}
        first = {}
        for record in support.of_type(records, "sample"):
            first.setdefault(tids[record.fields["thread"]], began + record.time)
        return first

    def used(self, readings, since):
        """CPU seconds from then to the last reading."""
        later = next((i for i, (at, _) in enumerate(readings) if at >= since), len(readings) - 1)
        (before, used_before), (after, used_after) = readings[max(0, later - 1)], readings[later]
        share = min(1, max(0, (since - before) / (after - before))) if after > before else 0
        return readings[-1][1] - used_before - share * (used_after - used_before)

    def cpu(self, path):
        """CPU seconds by thread id, from the samples."""
        sums = {}
        for stack, microseconds in support.collapsed(path, "cpu"):
            tid = int(stack[1].rpartition("(")[2].rstrip(")"))
            sums[tid] = sums.get(tid, 0) + microseconds / 1e6
        return sums

    def test_many_switches(self):
        truth, path = self.capture_target("bouncing", SECONDS, collect=("-r", RATE))
        modes = self.modes(path)
        if modes[0].fields["mode"] != RECORDS:
            self.skipTest(f"no switch records here: {modes[0].fields['reason']}")
        for mode in modes:
            print(f"{mode.time:.1f} s: {mode.fields['reason']}")
        prices = [modes[0].fields[name] for name in ("burst_price_ns_plus1", "look_price_ns_plus1")]
        print(f"{truth['ask']['bounces'] / SECONDS * 3:.0f} bounces/s; a burst {prices[0]} ns, a look {prices[1]} ns")
        self.assertEqual([mode.fields["mode"] for mode in modes], [RECORDS, SCHEDSTAT, RECORDS])
        self.assertLess(modes[1].time, 6)
        self.assertGreater(modes[2].time, SECONDS / 3)
        sums, since = self.cpu(path), self.since(path)
        for name in ("ask", "answer"):
            tid, readings = truth[name]["tid"], truth[name]["readings"]
            used = self.used(readings, since[tid])
            print(f"{name}: from {since[tid] - readings[0][0]:.3f} s on {used:.3f} s of CPU, in samples {sums[tid]:.3f}")
            self.assertAlmostEqual(sums[tid], used, delta=0.02 * used + 0.02)

    def test_all_switches_are_wanted(self):
        """Who asks for every switch gets them, whatever that costs."""
        _, path = self.capture_target("bouncing", 6, collect=("-r", RATE, "--switches"))
        self.assertEqual(len({mode.fields["mode"] for mode in self.modes(path)}), 1)


if __name__ == "__main__":
    unittest.main()
