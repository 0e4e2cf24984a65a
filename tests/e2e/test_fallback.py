"""Where the kernel refuses perf_event_open the same is measured from a timer, and that is said."""

import os
import subprocess
import unittest

import shares
import support

# Before the real one: a syscall() that refuses one call, as containers and cautious kernels do.
REFUSE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/syscall.h>
long syscall(long number, long a, long b, long c, long d, long e, long f)
{
    static long (*real)(long, long, long, long, long, long, long);
    if (number == SYS_perf_event_open) {
        errno = EACCES;
        return -1;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    return real(number, a, b, c, d, e, f);
}
"""


class Fallback(support.Case):
    def refusing(self):
        """The environment in which it is refused."""
        support.need_tool("gcc")
        source, library = self.folder / "refuse.c", self.folder / "refuse.so"
        source.write_text(REFUSE)
        built = subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-o", library, source, "-ldl"], capture_output=True)
        if built.returncode:
            self.skipTest(f"gcc cannot build a library: {built.stderr.decode()[:200]}")
        return {**os.environ, "LD_PRELOAD": str(library)}

    def test_said_in_the_capture_and_on_stderr(self):
        path = self.folder / "refused.pamcap"
        result = support.run(support.COLLECT, "-p", self.sleeper(), "-d", "0.3", "-o", path, env=self.refusing())
        self.assertEqual(result.status, 0, result.err)
        mode = support.of_type(support.dump(path), "mode")[0].fields
        self.assertIn(mode["mode"], (1, 2))
        self.assertTrue(mode["reason"])
        self.assertIn("estimated", result.err)

    def test_native_stacks_are_refused(self):
        """Without any perf_event there are none: the sentence tells the remedies, and nothing is written."""
        path = self.folder / "refused.pamcap"
        for option, needed in (("--native", "native stacks need perf_event, "), ("--kernel", "perf_event on whole CPUs")):
            result = support.run(support.COLLECT, "-p", self.sleeper(), option, "-d", "0.3", "-o", path, env=self.refusing())
            self.assertEqual(result.status, 4, result.err)
            for word in (needed, "perf_event_paranoid is", "sudo", "setcap"):
                self.assertIn(word, result.err)
            self.assertFalse(path.exists())

    def test_shares(self):
        env = self.refusing()

        def measure():
            target = self.target("sleepers", 15)
            path = self.folder / f"{target.pid}.pamcap"
            result = support.run(support.COLLECT, "-q", "-p", target.pid, "-o", path, env=env)
            self.assertEqual(result.status, 0, result.err)
            truth = target.truth()["wall"]
            return shares.Shares(support.time_of(path, target.pid, truth), truth, support.health(path)["ticks"])

        shares.check_shares(self, measure)

    def test_recursion(self):
        target = self.target("recursion", 3)
        path = self.folder / "recursion.pamcap"
        self.assertEqual(
            support.run(support.COLLECT, "-q", "-p", target.pid, "-o", path, env=self.refusing()).status, 0
        )
        truth = target.truth()
        document = support.speedscope(path)
        for stack, _ in document.stacks(document.profiles[0]):
            if truth["leaf"] in stack:
                self.assertEqual(stack.count(truth["function"]), truth["frames"])


if __name__ == "__main__":
    unittest.main()
