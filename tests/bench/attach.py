"""A tool at work on a process: started, paused, and ended as by Ctrl-C, with what it used."""

import os
import signal
import subprocess
import threading
import time

import child
import proc

ASK_AGAIN, END_TIMEOUT = 5, 60  # seconds; perf now and then sleeps through its first Ctrl-C
AFTER_CTRL_C = (0, 130, 254, -signal.SIGINT)  # what the tools end with when all is well


class Attached:
    def __init__(self, bench, tool, pid, rate):
        self.bench, self.tool, self.pid, self.rate = bench, tool, pid, rate
        self.path = bench.folder / f"{tool.name}-{rate}{tool.suffix}"
        self.path.unlink(missing_ok=True)
        self.threads = bench.python_threads(pid)
        self.command = [str(word) for word in tool.command(bench.words(tool), pid, rate, self.path)]
        if tool.control:
            fifo = bench.folder / "control"
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo)
            self.orders = open(fifo, "r+b", buffering=0)  # as a reader too, so that neither end waits for the other
            self.command += [f"{tool.control}{fifo}"]
        self.target_cpu = -proc.cpu_seconds(pid)
        self.started = time.monotonic()
        self.process = child.start(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.lines = []
        self.reader = threading.Thread(target=self.read_lines)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        child.end(self.process)
        self.reader.join()
        if self.tool.control:
            self.orders.close()

    def read_lines(self):
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append((time.monotonic(), line.decode("utf-8", "replace")))

    def text(self):
        return "".join(line for _, line in self.lines)

    def cpu_seconds(self):
        return sum(proc.cpu_seconds(pid) for pid in proc.family(self.process.pid))

    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    def last_written(self):
        """When its file was, on the monotonic clock."""
        age = time.time() - self.path.stat().st_mtime if self.path.exists() else 0.0
        return time.monotonic() - age

    # --- pausing ---

    def pause(self):
        """The tool stops; not while it has stopped the target, which would then stay so."""
        if self.tool.control:
            self.orders.write(b"disable\n")
            return
        for _ in range(100):
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(0.001)
            if "T" in proc.states(self.process.pid) and "t" not in proc.states(self.pid):
                return
            self.process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
        raise RuntimeError(f"{self.tool.name} could not be paused without stopping the target")

    def resume(self):
        if self.tool.control:
            self.orders.write(b"enable\n")
        else:
            self.process.send_signal(signal.SIGCONT)

    # --- the end ---

    def interrupt(self):
        """Ctrl-C, and the wait for its end; sets what is known then."""
        self.peak = proc.peak_bytes(self.process.pid)
        self.target_cpu += proc.cpu_seconds(self.pid)
        self.interrupted = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        asks = 1
        while not (done := os.wait4(self.process.pid, os.WNOHANG))[0]:
            self.peak = max(self.peak, proc.peak_bytes(self.process.pid))
            if time.monotonic() - self.interrupted > ASK_AGAIN * asks:
                self.process.send_signal(signal.SIGINT)
                asks += 1
            if time.monotonic() - self.interrupted > END_TIMEOUT:
                raise RuntimeError(f"{self.tool.name} did not end within {END_TIMEOUT} s of Ctrl-C")
            time.sleep(0.002)
        self.finish = time.monotonic() - self.interrupted
        self.process.returncode = os.waitstatus_to_exitcode(done[1])
        self.cpu = done[2].ru_utime + done[2].ru_stime
        self.reader.join()
        if self.process.returncode not in AFTER_CTRL_C:
            said = self.text().strip().splitlines()[-1:] or ["nothing"]
            raise RuntimeError(f"{self.tool.name} failed with status {self.process.returncode}, and said: {said[0]}")
        first = self.tool.first(self)
        self.first = first and first - self.started
        self.lifetime = self.interrupted + self.finish - self.started
        self.seconds = self.interrupted - (first or self.started)  # in which it sampled
