"""show.py - ctest's verbose output, shortened: a line a test, the reasons of skips, the output of failures."""
import os
import re
import shutil
import sys

RESULT = re.compile(r"\s*\d+/\d+ Test\s+#(\d+): (\S+)")
REASON = re.compile(r"skip", re.IGNORECASE)
STEAL = 7  # of the numbers in /proc/stat: what the host gave to others


class Machine:
    """Says what a test may have failed of besides the program: what the CPUs did since the last that was told, and what is left."""

    def __init__(self):
        self.before = self.times()

    def times(self):
        with open("/proc/stat") as file:
            return [int(number) for number in file.readline().split()[1:9]]

    def told(self):
        now = self.times()
        ticks = [after - before for after, before in zip(now, self.before)]
        self.before = now
        free_mb = shutil.disk_usage("/tmp").free >> 20
        return f"{100 * ticks[STEAL] / max(1, sum(ticks)):.1f} % of the CPUs' time stolen, load {os.getloadavg()[0]:.1f}, {free_mb} MB free in /tmp"


def print_failure(lines, machine):
    """What failed first, as some show the beginning only."""
    start = next((at for at, text in enumerate(lines) if text.startswith("=====")), len(lines))
    lines = [f"(the machine: {machine})", *lines[start:], *lines[:start]]
    print("".join(f"    {text}\n" for text in lines), flush=True)


def main():
    output = {}  # number of a test -> its lines
    machine = Machine()
    summary = False
    for line in sys.stdin:
        numbered = re.match(r"(\d+): (.*)", line)
        result = RESULT.match(line)
        summary |= "tests passed" in line
        if summary:
            print(line, end="")
        elif numbered:
            output.setdefault(numbered[1], []).append(numbered[2])
        elif result:
            print(line, end="", flush=True)
            lines, told = output.pop(result[1], []), machine.told()
            if "Passed" not in line and "Skipped" not in line:
                print_failure(lines, told)
            else:
                print("".join(f"    {text}\n" for text in lines if REASON.search(text)), end="", flush=True)


main()
