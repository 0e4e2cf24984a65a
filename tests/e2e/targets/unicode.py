"""Functions, classes and a file with non-ASCII names of 1, 2 and 4 bytes a character.

Truth: qualified name, file and first line of each function, and the seconds spent in it.
"""

import importlib
import pathlib
import random
import sys
import tempfile
import time

import truth

SOURCE = '''
from time import perf_counter


def größe(end):
    while perf_counter() < end:
        pass


def 日本語(end):
    while perf_counter() < end:
        pass


def 深い_𠀋(end):
    while perf_counter() < end:
        pass


class Überprüfung:
    class Größe:
        def messen(self, end):
            while perf_counter() < end:
                pass


def снаружи():
    def внутри(end):
        while perf_counter() < end:
            pass
    return внутри


FUNCTIONS = [größe, 日本語, 深い_𠀋, Überprüfung.Größe().messen, снаружи()]
'''


def main():
    options = truth.arguments(__doc__)
    ledger = truth.Ledger()
    with tempfile.TemporaryDirectory(prefix="pam_é_") as folder:
        pathlib.Path(folder, "módulo_ü_日本.py").write_text(SOURCE, encoding="utf-8")
        sys.path.insert(0, folder)
        functions = importlib.import_module("módulo_ü_日本").FUNCTIONS
        truth.ready()
        for _ in truth.until(options.seconds):
            slot = random.uniform(0.001, 0.005)
            for function in random.sample(functions, len(functions)):
                ledger.run(function, time.perf_counter() + slot)
    codes = [function.__code__ for function in functions]
    truth.tell(functions=[{"qualname": truth.shown(function), "file": code.co_filename, "line": code.co_firstlineno}
                          for function, code in zip(functions, codes)], wall=ledger.wall, cpu=ledger.cpu)


main()
