"""Calls the extension modules of native/, one in Cython and one in Rust, which must be where Python finds them.

Truth: the CPU seconds in each.
"""

import grind
import sieve

import truth


def in_rust(seconds):
    grind.mill(seconds)


def in_cython(seconds):
    sieve.sift(seconds)


def main():
    options = truth.arguments(__doc__)
    ledger = truth.Ledger()
    truth.ready()
    for _ in truth.until(options.seconds):
        ledger.run(in_rust, 0.007)
        ledger.run(in_cython, 0.013)
    truth.tell(cpu=ledger.cpu)


main()
