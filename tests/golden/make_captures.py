#!/usr/bin/env python3
"""Make the captures of this folder anew, or those named; they differ from run to run, so the goldens have to be blessed after."""

import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import support  # noqa: E402

LIMIT = 60_000  # bytes of a capture in the repository
SCENARIO = 'gölden "1"; `x` <&>\\'


def make(name, command, folder, *options, zone, wait=0.5):
    """Capture the command in its folder, by a relative name: no path of this machine is in the stacks."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    target = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
    target.stdout.readline()
    time.sleep(wait)
    path = HERE / f"{name}.pamcap"
    subprocess.run(
        [support.COLLECT, "-q", "-p", str(target.pid), "-o", path, *options], check=True, env={**os.environ, "TZ": zone}
    )
    target.terminate()
    target.wait()
    print(f"{path.name}: {path.stat().st_size} bytes")
    if path.stat().st_size > LIMIT:
        sys.exit(f"more than {LIMIT} bytes")


def main():
    python = support.need_python()
    options = ["-d", "7.2", "-r", "10", "-i", "0.5", "-s", SCENARIO, "--mark=begin here@1", "--mark=end@4.05"]
    command = [python, "names.py", "--seconds", "9"]
    make("threads", command, support.TARGETS, *options, zone="Asia/Kathmandu", wait=0)
    options = ["-d", "3", "-r", "20", "-i", "0.25"]
    command = [python, "children.py", "--seconds", "4"]
    make("children", command, support.TARGETS, *options, zone="America/St_Johns", wait=0)
    command = [python, "waits.py", "--seconds", "4"]
    make("waits", command, support.TARGETS, "-d", "1.4", "-r", "20", "-i", "0.5", zone="UTC", wait=0)
    command = [python, "gil.py", "--seconds", "4"]
    make("gil", command, support.TARGETS, "-d", "1.4", "-r", "20", "-i", "0.5", zone="UTC")
    options = ["-d", "4", "-r", "25", "-s", "idle-no-leaffc"]
    command = [python, "service.py", "--port", "0"]
    make("service", command, support.ROOT / "samples/service", *options, zone="UTC")
    options = ["-d", "2.2", "-r", "20", "-i", "0.5", "-e", "task-clock,{page-faults,context-switches:k}:S"]
    command = [python, "counted.py", "--rounds", "200", "--delay-ms", "1000", "--short", "20"]
    make("counters", command, support.TARGETS, *options, zone="UTC")
    options = ["-d", "1.4", "-r", "20", "--tasks", "0.5"]
    command = [python, "pending.py", "--seconds", "2", "--ticking", "2"]
    make("tasks", command, support.TARGETS, *options, zone="UTC", wait=0)


if __name__ == "__main__":
    main()
