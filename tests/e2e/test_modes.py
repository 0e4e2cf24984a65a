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
        sums = self.cpu(path)
        for name in ("ask", "answer"):
            told = truth[name]
            print(f"{name}: {told['cpu']:.3f} s of CPU, in samples {sums[told['tid']]:.3f}")
            self.assertAlmostEqual(sums[told["tid"]], told["cpu"], delta=0.02 * told["cpu"] + 0.02)

    def test_all_switches_are_wanted(self):
        """Who asks for every switch gets them, whatever that costs."""
        _, path = self.capture_target("bouncing", 6, collect=("-r", RATE, "--switches"))
        self.assertEqual(len({mode.fields["mode"] for mode in self.modes(path)}), 1)


if __name__ == "__main__":
    unittest.main()
