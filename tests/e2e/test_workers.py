"""Servers with worker processes, uvicorn and gunicorn: each worker is in the capture, with the time its requests took."""

import collections
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import shares
import support
import test_processes

SECONDS = 4
RATE = 200


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Workers(support.Case):
    def setUp(self):
        super().setUp()
        self.lock, self.truth = threading.Lock(), collections.Counter()

    def serve(self, module, *options):
        """Start the server; return its process when it answers."""
        support.need_module(module)
        self.port = free_port()
        server = self.start(sys.executable, "-m", module, *(str(option).format(port=self.port) for option in options),
                            cwd=support.TARGETS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        support.wait_until(self.request, seconds=20, what="an answer")
        return server

    def request(self):
        """The pid of the worker that answered; what it told is added up."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            answer = json.loads(connection.getresponse().read())
        except OSError:
            return None
        finally:
            connection.close()
        with self.lock:
            self.truth[answer["pid"]] += answer["cpu"]
        return answer["pid"]

    def load(self, seconds):
        """Three clients at a time; the workers that answered."""
        def client():
            end = time.monotonic() + seconds
            pids = set()
            while time.monotonic() < end:
                pids.add(self.request())
            return pids

        return set().union(*support.parallel(client, client, client))

    def check_shares(self, path):
        truth = self.truth
        measured = {
            pid: sum(weight for stack, weight in support.collapsed(path, "cpu")
                     if stack[0].startswith(f"process {pid}") and any(frame.startswith("handle (") for frame in stack))
            for pid in truth
        }
        found = shares.Shares(measured, truth, round(sum(truth.values()) * RATE))
        print(found)
        self.assertLessEqual(found.worst(), shares.Shares.BOUND)
        total = sum(measured.values()) / 1e6
        self.assertAlmostEqual(total, sum(truth.values()), delta=0.05 * total)

    def check_family(self, path, server, ended):
        found = test_processes.processes(support.dump(path))
        for pid in self.truth:
            self.assertEqual(found[pid]["parent_pid"], server.pid)
            self.assertTrue(found[pid]["python_version"])
            self.assertEqual(found[pid]["exit"] is not None, pid in ended, pid)

    def capture(self, server, name):
        path = self.folder / f"{name}.pamcap"
        collector = self.start(support.COLLECT, "-q", "-p", server.pid, "-r", RATE, "-o", path)
        time.sleep(1)
        self.truth.clear()
        return collector, path

    def test_uvicorn(self):
        """Two workers, of which one dies and is replaced."""
        server = self.serve("uvicorn", "--workers", 2, "--port", "{port}", "--log-level", "error", "web:asgi")
        collector, path = self.capture(server, "uvicorn")
        first = self.load(SECONDS)
        self.assertEqual(len(first), 2)
        subprocess.run(["kill", "-9", str(min(first))], check=True)
        support.wait_until(lambda: self.request() not in {None, *first}, seconds=20, what="a new worker")
        time.sleep(0.5)
        self.load(SECONDS / 2)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(collector.wait(support.TIMEOUT), 0)
        self.assertEqual(len(self.truth), 3)
        self.check_family(path, server, ended=set(self.truth))
        self.check_shares(path)

    def test_gunicorn(self):
        """A worker more (TTIN), and one less (TTOU)."""
        server = self.serve("gunicorn", "--workers", 1, "--bind", "127.0.0.1:{port}", "--log-level", "error", "web:wsgi")
        collector, path = self.capture(server, "gunicorn")
        self.assertEqual(len(self.load(SECONDS / 2)), 1)
        server.send_signal(signal.SIGTTIN)
        time.sleep(1)
        self.assertEqual(len(self.load(SECONDS)), 2)
        server.send_signal(signal.SIGTTOU)  # the oldest goes
        time.sleep(1)
        last = self.load(SECONDS / 2)
        self.assertEqual(len(last), 1)
        collector.send_signal(signal.SIGINT)
        self.assertEqual(collector.wait(support.TIMEOUT), 0)
        self.check_family(path, server, ended=self.truth.keys() - last)
        self.check_shares(path)


if __name__ == "__main__":
    unittest.main()
