"""Which process is meant: PAM's own rule, a pattern; several candidates are listed and none is guessed."""

import contextlib
import pathlib
import shlex
import unittest

import support

# A Python that looks like PAM: its arguments do nothing but be there. It may listen on a port.
LIKE_PAM = """
import os, socket, sys, time
keep = socket.create_server(("0.0.0.0", {port})) if {port} else None
open(os.path.join({folder!r}, "ready-{number}"), "w").write(str(os.getpid()))
time.sleep(30)
"""
PAM = "uvicorn petal_app_manager.main:app --port 9000"


class Match(support.Case):
    def find(self, pattern, status):
        path = self.folder / "found.pamcap"
        result = support.run(support.COLLECT, "--match", pattern, "-d", "0.1", "-o", path)
        self.assertEqual(result.status, status, result.err)
        return result.err

    def start_marked(self, *arguments, program=None):
        script = "print('{\"pid\": %d}' % __import__('os').getpid(), flush=True); __import__('time').sleep(30)"
        target = support.Target([program or support.need_python(), "-c", script, self.folder.name, *arguments])
        self.addCleanup(target.end)
        return target.pid

    def marked(self):
        """The processes with our mark in their arguments."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it may have ended
                found += [path] if self.folder.name.encode() in path.read_bytes() else []
        return found

    def test_one(self):
        pid = self.start_marked()
        self.assertIn(f"process {pid} ", self.find(self.folder.name, 0))

    def test_several_are_listed(self):
        pids = [self.start_marked("first"), self.start_marked("second")]
        message = self.find(self.folder.name, 3)
        self.assertIn("--pid", message)
        for pid in pids:
            self.assertRegex(message, rf"\n *{pid}  ")
        self.assertIn(f"process {pids[1]} ", self.find(f"{self.folder.name} second", 0))

    def test_one_that_started_the_others(self):
        """A service that forks workers is one service: the process that started them all is meant."""
        script = (
            "import os, time\nprint('{\"pid\": %d}' % os.getpid(), flush=True)\n"
            "for _ in range(2):\n    if not os.fork():\n        os.fork()\n        time.sleep(30)\ntime.sleep(30)\n"
        )
        target = support.Target([support.need_python(), "-c", script, self.folder.name], start_new_session=True)
        self.addCleanup(support.kill, target.process)
        support.wait_until(lambda: len(self.marked()) == 5)
        self.assertIn(f"process {target.pid} ", self.find(self.folder.name, 0))

    def test_none(self):
        self.assertIn("no-such-thing", self.find(f"{self.folder.name}-no-such-thing", 3))

    def test_shell_around_it_is_not_it(self):
        """What only has the words in its arguments, like the sudo or shell around a service, is no candidate."""
        self.start("sh", "-c", f"sleep 30; : {self.folder.name}")
        self.find(self.folder.name, 3)
        pid = self.start_marked()
        self.assertIn(f"process {pid} ", self.find(self.folder.name, 0))

    def test_bad_pattern(self):
        self.assertIn("not a regular expression", self.find("(", 2))


class Default(support.Case):
    """In a namespace of their own, where no other PAM runs and port 9000 is free."""

    def inside(self, *candidates, before=()):
        """Start Pythons with (arguments, port) and other commands; run pamcollect without naming a target."""
        support.need_root("make a namespace")
        python = support.need_python()
        lines = [f"{command} &" for command in before]
        for number, (arguments, port) in enumerate(candidates):
            script = LIKE_PAM.format(port=port, folder=str(self.folder), number=number)
            ready = f"{self.folder}/ready-{number}"
            lines.append(f"{python} -c {shlex.quote(script)} {arguments} & while [ ! -s {ready} ]; do sleep 0.02; done")
        lines.append(
            f"{support.COLLECT} -d 0.1 -o {self.folder}/found.pamcap; status=$?; kill $(jobs -p); exit $status"
        )
        result = support.run(
            "unshare", "--pid", "--net", "--fork", "--mount-proc", "--kill-child", "bash", "-c", "\n".join(lines)
        )
        if "unshare" in result.err:
            self.skipTest(f"no namespaces here: {result.err.strip()}")
        pids = [int((self.folder / f"ready-{number}").read_text()) for number in range(len(candidates))]
        return result, pids

    def check_chosen(self, number, why, *candidates, **more):
        result, pids = self.inside(*candidates, **more)
        self.assertEqual(result.status, 0, result.err)
        self.assertRegex(result.err, f"(?s)process {pids[number]} .*{why}")
        fields = support.of_type(support.dump(self.folder / "found.pamcap"), "process")[0].fields
        self.assertEqual(fields["pid"], pids[number])
        self.assertRegex(fields["chosen_because"], why)

    def test_none_runs(self):
        result, _ = self.inside()
        self.assertEqual(result.status, 3, result.err)
        self.assertIn("--pid", result.err)

    def test_only_one(self):
        self.check_chosen(0, "the only process", (PAM, 0), before=[f"sh -c 'sleep 9; : {PAM}'"])

    def test_the_one_that_listens(self):
        self.check_chosen(0, "port 9000", (PAM, 9000), (PAM + " --log-level info --a-longer-command-line", 9001))

    def test_the_one_under_debugpy(self):
        self.check_chosen(1, "debugpy", (PAM, 9000), (f"debugpy --connect 1234 {PAM}", 0))

    def test_the_longest(self):
        self.check_chosen(
            1, "longest", (PAM, 0), (PAM + " --reload", 0), (f"debugpy/launcher 1234 {PAM} {'x' * 50}", 0)
        )


if __name__ == "__main__":
    unittest.main()
