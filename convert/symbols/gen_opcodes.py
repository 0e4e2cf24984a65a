#!/usr/bin/env python3
"""gen_opcodes.py - print the rows of opcodes.def for the CPython that runs this script.

Only what it takes to name the callable of a call is kept: instructions that call, that load a name,
and how many cache units follow each. Numbers come from the interpreter's own Include/opcode.h, so
specialised forms are included.
"""
import opcode
import os
import re
import sys
import sysconfig

METHOD = 1 if sys.version_info >= (3, 12) else 0  # the lowest bit of LOAD_ATTR's argument: a method

CLASSES = [  # pattern of the instruction's name, class, how far its argument is shifted; the first counts
    (r"(PRECALL_PYFUNC|CALL_(BOUND_METHOD_)?(PY_|EXACT_ARGS|GENERAL)|CALL_KW_(PY|BOUND))", "PYCALL", 0),
    (r"CALL_INTRINSIC", "OTHER", 0),
    (r"(INSTRUMENTED_)?(PRECALL|CALL)(_|$)", "CALL", 0),
    (r"LOAD_GLOBAL(_|$)", "NAME", 1),
    (r"LOAD_NAME$", "NAME", 0),
    (r"LOAD_SUPER_ATTR(_|$)", "SUPER", 2),
    (r"LOAD_(ATTR|METHOD)(_|$)", "ATTRIBUTE", METHOD),
    (r"LOAD_FAST_(BORROW_)?LOAD_FAST(_BORROW)?$", "LOCAL", 4),
    (r"LOAD_(FAST|DEREF|CLASSDEREF)(_CHECK|_BORROW|__.*|$)", "LOCAL", 0),
]


def base_name(name):
    """The instruction that a specialised form stands for, which has the same cache units."""
    best = ""
    for base in opcode.opmap:
        if (name == base or name.startswith(base + "_")) and len(base) > len(best):
            best = base
    return best or name


def main():
    version = f"0x{sys.version_info[0]:02x}{sys.version_info[1]:02x}"
    caches = opcode._inline_cache_entries
    if isinstance(caches, list):  # by number until 3.12, by name since 3.13
        caches = {name: caches[number] for name, number in opcode.opmap.items() if number < len(caches)}
    include = sysconfig.get_paths()["include"]
    ids = include + "/opcode_ids.h"
    header = open(ids if os.path.exists(ids) else include + "/opcode.h").read()
    numbers = {name: int(number) for name, number in re.findall(r"#define\s+([A-Z]\w+)\s+(\d+)", header)}
    print(f"/* CPython {sys.version.split()[0]} */")
    for name, number in sorted(numbers.items(), key=lambda item: item[1]):
        if number > 255 or name in ("HAVE_ARGUMENT", "MIN_PSEUDO_OPCODE", "MAX_PSEUDO_OPCODE"):
            continue
        kind, shift = "OTHER", 0
        for pattern, candidate, candidate_shift in reversed(CLASSES):
            if re.match(pattern, name):
                kind, shift = candidate, candidate_shift
        if name == "EXTENDED_ARG":
            kind = "EXTEND"
        cached = caches.get(base_name(name.removeprefix("INSTRUMENTED_")), 0)
        if kind != "OTHER" or cached:
            print(f"ROW({version}, {number}, {kind}, {shift}, {cached}) /* {name} */")


main()
