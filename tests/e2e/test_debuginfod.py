"""Files that are not here come from a debuginfod server; one that has none, lies or hangs costs little, and that is told."""

import http.server
import os
import pathlib
import re
import threading
import time
import unittest

import support

PROGRAM = """
#include <stdio.h>
#include <unistd.h>
static volatile unsigned long sum;
__attribute__((noinline)) static void inner(void) { for (int i = 0; i < 5000; i++) sum += (unsigned long)i; }
__attribute__((always_inline)) static inline void expanded(void) { inner(); sum++; }
__attribute__((noinline)) static void outer(void) { expanded(); sum++; }
int main(void) { printf("{\\"pid\\": %d}\\n", getpid()); fflush(stdout); for (;;) outer(); }
"""
STACK = r"main \(program\);outer \(program\);expanded \(program\);inner \(program\)"
NOT_HERE, OTHER_BUILD, GAVE_UP = "is not here", "is another build", "were asked no more"


class Server(http.server.ThreadingHTTPServer):
    """What it answers, by path; `hangs`: nothing, `drips`: without end, and slowly."""

    daemon_threads = True

    def __init__(self, files=None, anything=None, hangs=False, drips=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.anything, self.hangs, self.drips = files or {}, anything, hangs, drips
        self.asked, self.ended = [], threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.ended.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Nothing on the terminal."""

    def do_GET(self):  # noqa: N802
        server = self.server
        server.asked.append(self.path)
        if server.hangs:
            server.ended.wait()
            return
        body = server.files.get(self.path, server.anything)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(1 << 40 if server.drips else len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")
        while server.drips and not server.ended.wait(0.1):
            self.wfile.write(bytes(20000))  # more than the 100 kB/s below which a client gives up by itself


class Debuginfod(support.Case):
    @classmethod
    def setUpClass(cls):
        case = cls.of_class()
        support.need_root("use perf_event on whole CPUs")
        cls.place = case.folder
        source, program = case.folder / "program.c", case.folder / "program"
        source.write_text(PROGRAM)
        done = support.run(support.need_tool("cc"), "-O1", "-g", "-fno-optimize-sibling-calls", source, "-o", program)
        assert done.status == 0, done.err
        whole = program.read_bytes()
        build_id = re.search(r"Build ID: (\w+)", support.run(support.need_tool("readelf"), "-n", program).out.decode())[1]
        support.run(support.need_tool("strip"), program)
        target = support.Target([program])
        cls.addClassCleanup(target.end)
        cls.path = case.folder / "capture.pamcap"
        done = support.run(support.COLLECT, "-p", target.pid, "--native", "-d", 1, "-o", cls.path)
        assert done.status == 0, done.err
        cls.files = {f"/buildid/{build_id}/executable": program.read_bytes(), f"/buildid/{build_id}/debuginfo": whole}
        program.unlink()

    def ask(self, *, seconds=None, environment=None, **answers):
        """What the converter says then: the stacks, its notes, how long it took, and what the server was asked."""
        server = Server(**answers)
        self.addCleanup(server.end)
        env = {**os.environ, "DEBUGINFOD_URLS": f"http://127.0.0.1:{server.server_port}",
               "DEBUGINFOD_CACHE_PATH": str(self.folder / "cache"), **(environment or {})}
        begun = time.monotonic()
        result = self.convert(self.path, "-f", "collapsed", env=env)
        took = time.monotonic() - begun
        print(f"{took:.1f} s, {len(server.asked)} questions")
        if seconds:
            self.assertLess(took, seconds * support.SLOW)
        return result.out.decode(), "\n".join(line for line in result.err.splitlines() if "note: " in line), server.asked

    def test_has_files(self):
        """The program for unwinding, its debug information for names and what was inlined."""
        stacks, notes, _ = self.ask(files=self.files, seconds=10)
        self.assertRegex(stacks, STACK)
        self.assertEqual(notes, "")
        again, _, asked = self.ask(anything=None, seconds=10)  # they were kept
        self.assertEqual(again, stacks)
        self.assertFalse([path for path in asked if path in self.files])

    def check_addresses(self, stacks, notes, *said):
        self.assertRegex(stacks, r"0x[0-9a-f]+ \(program\)")
        self.assertNotIn("outer", stacks)
        for text in said:
            self.assertEqual(notes.count(text), 1, notes)

    def test_has_none(self):
        stacks, notes, asked = self.ask(seconds=10)
        self.check_addresses(stacks, notes, NOT_HERE)
        self.assertTrue(asked)

    def test_sends_garbage(self):
        for what, garbage in enumerate((b"\x7fELF" + bytes(range(256)) * 50, b"<html>not found</html>")):
            cache = {"DEBUGINFOD_CACHE_PATH": str(self.folder / f"cache {what}")}
            stacks, notes, _ = self.ask(anything=garbage, seconds=10, environment=cache)
            self.check_addresses(stacks, notes, NOT_HERE)

    def test_lies(self):
        """A program, but another one."""
        stacks, notes, _ = self.ask(anything=pathlib.Path("/bin/true").read_bytes(), seconds=10)
        self.check_addresses(stacks, notes, OTHER_BUILD)

    def test_cuts_short(self):
        """The first half of the right files."""
        stacks, _, _ = self.ask(files={path: body[: len(body) // 2] for path, body in self.files.items()}, seconds=10)
        self.assertNotRegex(stacks, "outer")

    def test_hangs(self):
        """It is waited for once, not for each file."""
        stacks, notes, asked = self.ask(hangs=True, seconds=25)
        self.check_addresses(stacks, notes, NOT_HERE, GAVE_UP)
        self.assertLessEqual(len(set(asked)), 1)

    def test_sends_without_end(self):
        stacks, notes, asked = self.ask(anything=b"", drips=True, seconds=15, environment={"DEBUGINFOD_MAXTIME": "2"})
        self.check_addresses(stacks, notes, NOT_HERE, GAVE_UP)
        self.assertLessEqual(len(set(asked)), 1)

    def test_is_not_there(self):
        """Nobody listens at that port."""
        env = {**os.environ, "DEBUGINFOD_URLS": "http://127.0.0.1:9", "DEBUGINFOD_CACHE_PATH": str(self.folder)}
        result = self.convert(self.path, "-f", "collapsed", env=env)
        self.check_addresses(result.out.decode(), result.err, NOT_HERE)


if __name__ == "__main__":
    unittest.main()
