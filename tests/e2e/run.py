#!/usr/bin/env python3
"""Run one test file: print what ran and each skip with its reason; exit 77 when all was skipped."""

import importlib.util
import pathlib
import sys
import unittest

EVERYTHING_SKIPPED = 77  # what ctest's SKIP_RETURN_CODE is set to


class Result(unittest.TextTestResult):
    """Prints a line a test, with the reason of a skip, and counts what really passed."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def load(path):
    sys.path[:0] = [str(path.parent), str(pathlib.Path(__file__).resolve().parent)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: run.py FILE [TEST...]")
    module = load(pathlib.Path(sys.argv[1]).resolve())
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames(sys.argv[2:], module) if sys.argv[2:] else loader.loadTestsFromModule(module)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    failed = len(result.failures) + len(result.errors)
    print(
        f"{module.__name__}: {result.passed} passed, {failed} failed"
        + f", {len(result.skipped)} skipped" * bool(result.skipped),
        flush=True,
    )
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(0 if result.passed else EVERYTHING_SKIPPED)


if __name__ == "__main__":
    main()
