"""Extension modules in Cython and in Rust: their functions by name, inlined ones too, under the Python that calls them."""

import os
import sys
import sysconfig
import unittest

import shares
import support

NATIVE = support.HERE / "native"
SECONDS = 5
# From the outside in, by the Python function that is above them. What is inlined has no symbol of its own.
CHAINS = {
    "in_cython": ("sieve.sift", "sieve.Sieve.shake", "sieve.weigh"),
    "in_rust": ("grind::mill", "grind::stones::rounds", "grind::stones::turn"),
}


class Extensions(support.Case):
    def build(self):
        """For the Python that runs this."""
        cython = os.path.join(os.path.dirname(sys.executable), "cython")
        if not os.access(cython, os.X_OK):
            raise unittest.SkipTest("no cython beside " + sys.executable)
        cc, rustc = support.need_tool("cc"), support.need_tool("rustc")
        include, source = sysconfig.get_path("include"), self.folder / "sieve.c"
        for command in (
            (cython, "-3", NATIVE / "sieve.pyx", "-o", source),
            (cc, "-shared", "-fPIC", "-O2", "-g", f"-I{include}", source, "-o", self.folder / "sieve.so"),
            (rustc, "--edition", "2021", "-O", "-g", "--crate-type", "cdylib", NATIVE / "grind.rs", "-o", self.folder / "grind.so"),
        ):
            done = support.run(*command)
            self.assertEqual(done.status, 0, done.err)

    def names(self, so):
        listed = support.run(support.need_tool("nm"), "-C", self.folder / so)
        return listed.out.decode("utf-8", "replace")

    def test_functions_by_name(self):
        self.build()
        for name in ("weigh", "stones::turn"):
            self.assertNotIn(name, self.names("sieve.so") + self.names("grind.so"), "it is not inlined: this tests nothing")
        shares.check_shares(self, self.measure)

    def measure(self):
        truth, path = self.capture_target(
            "extensions", SECONDS, python=sys.executable, collect=["--native", "-r", 200],
            env={**os.environ, "PYTHONPATH": str(self.folder)},
        )
        measured, whole = dict.fromkeys(CHAINS, 0), dict.fromkeys(CHAINS, 0)
        for frames, weight in support.collapsed(path, "cpu"):
            names = [frame.rpartition(" (")[0] for frame in frames]
            function = next((name for name in names if name in CHAINS), None)
            if not function:
                continue
            measured[function] += weight
            chain = [name for name in names[names.index(function) :] if name in CHAINS[function]]
            self.assertEqual(tuple(chain), CHAINS[function][: len(chain)], names)
            whole[function] += weight * (len(chain) == len(CHAINS[function]))
        print({function: round(whole[function] / measured[function], 3) for function in CHAINS}, "down to what is inlined")
        for function in CHAINS:
            self.assertGreater(whole[function], 0.95 * measured[function], function)
        return shares.Shares(measured, truth["cpu"], round(sum(truth["cpu"].values()) * 200))


if __name__ == "__main__":
    unittest.main()
