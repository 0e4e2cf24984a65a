"""The time that functions take, on the wall clock and on the CPU, is what the targets measured themselves."""

import unittest

import shares
import support

SECONDS = 20


class Time(support.Case):
    """The targets run at the same time: each needs the looks of 20 s, none needs a quiet machine."""

    def both(self):
        if not hasattr(Time, "runs"):
            Time.runs = self.measure()
        return Time.runs

    def measure(self):
        captures = support.parallel(lambda: self.run_target("shares"), lambda: self.run_target("sleepers"))
        return dict(zip(("shares", "sleepers"), captures))

    def run_target(self, name):
        truth, path = self.capture_target(name, SECONDS)
        functions = truth["wall"]
        tid = support.of_type(support.dump(path), "process")[0].fields["pid"]
        wall = support.time_of(path, tid, functions)
        cpu = {function: 0 for function in functions}
        for stack, weight in support.collapsed(path, "cpu"):
            for function in functions:
                cpu[function] += weight * any(frame.startswith(function + " (") for frame in stack)
        ticks = support.health(path)["ticks"]
        print(f"{name}: {ticks} ticks")
        on_cpu = round(ticks * sum(truth["cpu"].values()) / sum(truth["wall"].values()))  # ticks at which it ran
        return {"wall": shares.Shares(wall, truth["wall"], ticks), "cpu": shares.Shares(cpu, truth["cpu"], on_cpu)}

    def check(self, target, clock):
        first = [self.both()]

        def measure():
            return (first.pop() if first else self.measure())[target][clock]

        shares.check_shares(self, measure)

    def test_busy_wall(self):
        self.check("shares", "wall")

    def test_busy_cpu(self):
        self.check("shares", "cpu")

    def test_sleeping_wall(self):
        self.check("sleepers", "wall")

    def test_sleeping_cpu(self):
        self.check("sleepers", "cpu")


if __name__ == "__main__":
    unittest.main()
