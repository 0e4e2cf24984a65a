#!/usr/bin/env python3
"""gen_stack_opcodes.py - print the rows of stack_opcodes.def for the CPython (3.8 to 3.10) that runs this script.

What expressions are made of: what each instruction takes from the value stack and puts there, which is compared with
what dis.stack_effect() says, and where it jumps to. An instruction that is not among them is of no expression.
"""
import dis
import opcode
import re
import sys

STEP = "UNITS" if sys.version_info >= (3, 10) else "BYTES"  # what jumps count in

# (pattern of the name, class, pops, pops for each of the argument, mask of the argument's bits that pop one each, pushes)
RULES = [
    (r"NOP", "OTHER", 0, 0, 0, 0),
    (r"POP_TOP|STORE_(FAST|NAME|GLOBAL|DEREF)|LIST_APPEND|SET_ADD|LIST_EXTEND|SET_UPDATE|DICT_(UPDATE|MERGE)",
     "OTHER", 1, 0, 0, 0),
    (r"STORE_ATTR|MAP_ADD", "OTHER", 2, 0, 0, 0),
    (r"STORE_SUBSCR", "OTHER", 3, 0, 0, 0),
    (r"ROT_TWO", "OTHER", 2, 0, 0, 2),
    (r"ROT_THREE", "OTHER", 3, 0, 0, 3),
    (r"ROT_FOUR", "OTHER", 4, 0, 0, 4),
    (r"DUP_TOP", "OTHER", 1, 0, 0, 2),
    (r"DUP_TOP_TWO", "OTHER", 2, 0, 0, 4),
    (r"UNARY_\w+|GET_(ITER|YIELD_FROM_ITER|AWAITABLE)|YIELD_VALUE|LIST_TO_TUPLE", "OTHER", 1, 0, 0, 1),
    (r"(BINARY|INPLACE)_\w+|COMPARE_OP|IS_OP|CONTAINS_OP|YIELD_FROM|IMPORT_NAME", "OTHER", 2, 0, 0, 1),
    (r"LOAD_(CONST|CLOSURE|BUILD_CLASS|ASSERTION_ERROR)", "OTHER", 0, 0, 0, 1),
    (r"LOAD_(NAME|GLOBAL)", "NAME", 0, 0, 0, 1),
    (r"LOAD_FAST", "LOCAL", 0, 0, 0, 1),
    (r"LOAD_(DEREF|CLASSDEREF)", "CELL", 0, 0, 0, 1),
    (r"LOAD_ATTR", "ATTRIBUTE", 1, 0, 0, 1),
    (r"LOAD_METHOD", "ATTRIBUTE", 1, 0, 0, 2),
    (r"BUILD_(TUPLE|LIST|SET|STRING|SLICE|\w+_UNPACK(_WITH_CALL)?)", "OTHER", 0, 1, 0, 1),
    (r"BUILD_MAP", "OTHER", 0, 2, 0, 1),
    (r"BUILD_CONST_KEY_MAP", "OTHER", 1, 1, 0, 1),
    (r"MAKE_FUNCTION", "OTHER", 2, 0, 0b1111, 1),
    (r"FORMAT_VALUE", "OTHER", 1, 0, 0b100, 1),
    (r"CALL_FUNCTION", "CALL", 1, 1, 0, 1),
    (r"CALL_(FUNCTION_KW|METHOD)", "CALL", 2, 1, 0, 1),
    (r"CALL_FUNCTION_EX", "CALL", 2, 0, 1, 1),
    (r"POP_JUMP_IF_\w+|JUMP_IF_\w+_OR_POP", "BRANCH", 1, 0, 0, 0),
    (r"JUMP_(FORWARD|ABSOLUTE)", "GOTO", 0, 0, 0, 0),
    (r"RETURN_VALUE", "GOTO", 1, 0, 0, 0),
    (r"RERAISE|RAISE_VARARGS", "GOTO", 0, 0, 0, 0),
    (r"EXTENDED_ARG", "EXTEND", 0, 0, 0, 0),
]


def check(name, number, kind, pops, each, mask, pushes):
    """The row against what CPython says of the instruction."""
    if kind == "GOTO":
        return
    for argument in (0, 1, 2, 3, 4, 7, 15) if number >= opcode.HAVE_ARGUMENT else (None,):
        if name == "BUILD_SLICE" and argument not in (2, 3):
            continue
        told = dis.stack_effect(number, argument, jump=False)
        count = argument or 0
        if name == "FORMAT_VALUE":
            count &= 4
        assert pushes - pops - each * count - bin(count & mask).count("1") == told, (name, argument, told)


def main():
    version = f"0x{sys.version_info[0]:02x}{sys.version_info[1]:02x}"
    print(f"/* CPython {sys.version.split()[0]} */")
    for name, number in sorted(opcode.opmap.items(), key=lambda item: item[1]):
        for pattern, kind, pops, each, mask, pushes in RULES:
            if not re.fullmatch(pattern, name):
                continue
            check(name, number, kind, pops, each, mask, pushes)
            jump = ("FROM_NEXT" if number in opcode.hasjrel else "FROM_START") + "_" + STEP
            jump = jump if number in opcode.hasjrel + opcode.hasjabs else "NONE"
            jump_pops = 1 if name.startswith("POP_JUMP") else 0
            print(f"ROW({version}, {number}, {kind}, {pops}, {each}, {mask}, {pushes}, {jump}, {jump_pops}) /* {name} */")
            break


main()
