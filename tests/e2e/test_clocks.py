"""On-CPU, run-queue and waiting times of threads are what their own clocks say, within 1 %."""

import unittest

import support

SECONDS = 5
SHARE = 0.01
EDGE = 0.012  # seconds: a stack holds from tick to tick, so work() begins and ends up to a tick late


class Clocks(support.Case):
    def check(self, title, seen, true, edge=EDGE):
        print(f"{title}: {seen:.4f} s, in truth {true:.4f} s, {100 * (seen - true) / true if true else 0:+.2f} %")
        self.assertAlmostEqual(seen, true, delta=SHARE * true * support.SLOW + edge, msg=title)

    def totals(self, path):
        """The kernel's own account by thread name, from the last record of each."""
        records = support.dump(path)
        texts = {record.fields["id"]: record.fields["text"] for record in support.of_type(records, "string")}
        names = {record.fields["id"]: texts[record.fields["name"]] for record in support.of_type(records, "thread")
                 if record.fields.get("name")}
        return {names.get(record.fields["thread"]): record.fields for record in support.of_type(records, "thread_cpu")}

    def in_work(self, path, weight):
        """Seconds in work() by thread name."""
        sums = {}
        for frames, value in support.collapsed(path, weight):
            name = frames[1].rpartition(" (")[0]
            if any(frame.startswith("work (") for frame in frames):
                sums[name] = sums.get(name, 0) + value / 1e6
        return sums

    def test_within_one_percent(self):
        truth, path = self.capture_target("clocks", SECONDS)
        totals, wall, cpu = self.totals(path), self.in_work(path, "wall"), self.in_work(path, "cpu")
        for name, told in truth.items():
            self.check(f"{name}: CPU, told by the kernel", totals[name]["cpu_us"] / 1e6, told["all_cpu"], 0.002)
            self.check(f"{name}: on a run queue", totals[name].get("wait_us", 0) / 1e6, told["queue"], 0.005)
            # CPU time counts where the thread is caught on a CPU about then: of one that seldom is, elsewhere than it was used.
            self.check(f"{name}: CPU in work()", cpu[name], told["cpu"], 3 * EDGE if name == "seldom" else EDGE)
            self.check(f"{name}: work() in all", wall[name], told["wall"])
            self.check(f"{name}: waiting in work()", wall[name] - cpu[name], told["wall"] - told["cpu"], 3 * EDGE)


if __name__ == "__main__":
    unittest.main()
