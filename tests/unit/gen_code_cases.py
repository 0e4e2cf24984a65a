#!/usr/bin/env python3
"""gen_code_cases.py - print code_cases_3_N.def for the CPython that runs this script: code objects with
their tables, the positions that CPython tells, and the names of what each call calls.

    python3.11 gen_code_cases.py > code_cases_3_11.def

The names are written by hand below, in the order of the call instructions; None: there is none. Where
versions differ, they are those of the newest (major, minor) that is not newer.
"""
import dis
import json
import sys
import time

VERSION = sys.version_info[:2]
CALLS = ("CALL", "CALL_FUNCTION_EX", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_METHOD")


class Client:
    """What the snippets call, so that they can be run until CPython has specialised them."""

    def __init__(self):
        self.client = self.lock = self
        self.items = [len] * 3

    def __getattr__(self, name):
        return Client() if not name.startswith("__") else object.__getattribute__(self, name)

    def __call__(self, *arguments, **named):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        return False

    def get(self, url=None, timeout=0):
        return self

    def json(self, *ignored):
        return self


def f(*arguments, **named):
    return Client()


def g(x):
    return x


LONG_NAME = "n" * 300
MANY = "; ".join(f"n{i}" for i in range(300)) + "; n299.n298(n1)"

# (source, expected names); the code is that of the last line's function unless it is a statement.
SNIPPETS = [
    ("time.sleep(0)", ["time.sleep"]),
    ("self.client.get(url)", ["self.client.get"]),
    ("self.client.get(url, timeout=3)", ["self.client.get"]),
    ("f(x)(y)", ["f", "f()"]),
    ("f(x)(y)(z)", ["f", "f()", "f()()"]),
    ("a.b().c()", ["a.b", "a.b().c"]),
    ("a.b.c.d(x)", ["a.b.c.d"]),
    ("f(g(x), g(y))", ["g", "g", "f"]),
    ("f(g(g(x)))", ["g", "g", "f"]),
    ("a.get(a.client.get(x))", ["a.client.get", "a.get"]),
    ("f(x, key=g(y))", ["g", "f"]),
    ("f(f)(f(x))", ["f", "f", "f()"]),
    ("f(*args)", ["f"]),
    ("f(*args, **named)", ["f"]),
    ("self.get(*args)", ["self.get"]),
    ("len(args)", ["len"]),
    ("print(end='')", ["print"]),
    ("isinstance(x, int)", ["isinstance"]),
    ("str(x)", ["str"]),
    ("args.append(g(x))", ["g", "args.append"]),
    ("json.dumps(x).encode()", ["json.dumps", "json.dumps().encode"]),
    ("[f][0](x)", [None]),
    ("{'k': f}['k'](x)", [None]),
    ("(lambda: 0)()", [None]),
    ("(f or g)(x)", [None]),
    ("(f if x else g)(x)", [None]),
    ("''.join(args)", ["join"]),
    ("x = f; y; x(y)", ["x"]),
    ("largest = max(g(x) for x in args)", [None, "max"]),
    ("größe = f; y; größe(x)", ["größe"]),
    ("f(\n        g(x),\n        g(y),\n    )", ["g", "g", "f"]),
    ("self.client.get(\n        url,\n        timeout=3)", ["self.client.get"]),
    ("(self.client\n     .get(url)\n     .json())",
     {(3, 8): ["self.client.get", "self.client.get().json"], (3, 11): ["get", "json"]}),
    ("(self\n     .client.get(url)\n     .json(\n         x))",
     {(3, 8): ["self.client.get", "self.client.get().json"], (3, 11): ["get", "json"]}),
    ("a.get(x).get(\n        y).get(z)",
     {(3, 8): ["a.get", "a.get().get", "a.get().get().get"], (3, 11): ["a.get", "a.get().get", "get"]}),
    ("return f(x) + g(y) * len(args)", ["f", "g", "len"]),
    ("if f(x) and not g(y):\n        return len(args)", ["f", "g", "len"]),
    ("assert f(x), g(y)", {(3, 8): ["f", "g", "AssertionError"], (3, 9): ["f", "g", None]}),
    ("class A(Client):\n        pass", [None]),
    (LONG_NAME + " = f; " + LONG_NAME + "(x)", [None]),
    ("x" + " " * 200 + "= f(y,\n\n\n\n" + "\n" * 200 + " " * 150 + "g(z))", ["g", "f"]),
]

# What is called is an item of something: the name of that would be wrong. No name is never wrong here.
SUBSCRIPTS = [
    ("args[0](x)", [None]),
    ("self.items[0](x)", [None]),
    ("f(x).items[0](y)", ["f", None]),
    ("self.items[0].get(x)", ["get"]),
]

# Calls that the source does not write as calls, at the position of an expression that is not called.
IMPLICIT = [
    ("with f(x):\n        pass", {(3, 8): ["f"], (3, 9): ["f", None], (3, 14): ["f", None, None]}),
    ("with self.lock:\n        pass", {(3, 8): [], (3, 9): [None]}),
    ("with self.client.get(url) as c:\n        c.get(x)",
     {(3, 8): ["self.client.get", "c.get"], (3, 9): ["self.client.get", "c.get", None],
      (3, 14): ["self.client.get", None, "c.get", None]}),
    ("@self.client.get\n    def h():\n        pass", ["self.client.get"]),
]

OTHERS = [
    (MANY, ["n299.n298"]),
    ("def outer(v):\n    def inner(x):\n        return v(x)\n    return inner\nsnippet = outer(g)", ["v"]),
    ("def outer(v):\n    def inner(x):\n        return v.client.get(x)\n    return inner\n"
     "snippet = outer(Client())", ["v.client.get"]),
    ("async def snippet(a):\n    await a.get(a.json())", ["a.json", "a.get"]),
    ("def snippet(a):\n    yield from a.get(1)", ["a.get"]),
    ("class B(Client):\n    def snippet(self):\n        return super().get(1)\nsnippet = B.snippet",
     {(3, 8): ["super", "super().get"], (3, 12): ["super().get"]}),
]


# Where the callable is found by what the arguments leave on the stack: arguments of all kinds.
ARGUMENTS = [
    ("def snippet(a):\n    a.get(a if a else len, a or f, a and f, 1 < a.x < 2)\n    b = a; b = a; b = a; b = a; return b",
     ["a.get"]),
    ("def snippet(a):\n    a.get([b for b in a], {**a}, [*a], f'{a}-{a!r:>{a}}', lambda x=a: a)(*a, **a)",
     [None, "a.get", "a.get()"]),
    ("def snippet(a):\n    a.get(a[1:2], a[1:2:3], -a, not a, a + a, {1: a, 2: a}, {a: a}, (a, a), {a, *a}, x := a)", ["a.get"]),
    ("def snippet(a):\n    a.get(a if a else (a if a is a else a in a), (yield a), (yield from a), *a, *a, k=a, **a)",
     ["a.get"]),
    ("def snippet(a):\n    (a.get if a else a.x)(a, a)", [None]),
    ("def snippet(a):\n    (a if a else a.x).get(a, a)", ["get"]),
    ("def snippet(a):\n    for b in a:\n        while b:\n            b.get(a) or b.get(b)", ["b.get", "b.get"]),
] if VERSION < (3, 11) else []


def code_of(source):
    """The code object of a snippet, warm: run often enough to be specialised, where it can be."""
    if source == MANY:
        return source, compile(source, "case.py", "exec")
    space = {"Client": Client, "f": f, "g": g, "json": json, "time": time, "print": lambda **named: None}
    if "snippet" not in source:
        source = "def snippet(self, a, args, named, url, x, y, z):\n    " + source
    exec(compile(source, "case.py", "exec"), space)
    function = space["snippet"]
    for _ in range(40):
        try:
            if source.startswith("def snippet(self"):
                function(Client(), Client(), [len, 1], {}, 1, 1, 1, 1)
            else:
                function(Client())
        except Exception:  # not all snippets can do with what they get
            pass
    return source, function.__code__


def c_string(data):
    """Bytes as C string literals of at most ~90 columns."""
    lines, line = [], ""
    for byte, following in zip(data, data[1:] + b"\0"):
        character = chr(byte)
        if byte < 128 and (character.isalnum() or character in "_.()=, "):
            line += character
        else:
            line += f"\\{byte:03o}" if chr(following).isdigit() else f"\\{byte:o}"
        if len(line) > 84:
            lines.append(line)
            line = ""
    lines.append(line)
    return "\n           ".join(f'"{text}"' for text in lines)


def positions_of(code):
    """(line, end line, column, end column) of each code unit."""
    if VERSION >= (3, 11):
        return list(code.co_positions())
    lines = {}
    if VERSION >= (3, 10):
        for start, end, line in code.co_lines():
            lines.update({unit: line for unit in range(start // 2, end // 2)})
    else:
        for offset, line in dis.findlinestarts(code):
            lines.update({unit: line for unit in range(offset // 2, len(code.co_code) // 2)})
    return [(lines[unit], lines[unit], None, None) for unit in range(len(code.co_code) // 2)]


def tables_of(code):
    """Line table, code as it was compiled and as it is now, names, names of locals."""
    table = code.co_linetable if VERSION >= (3, 10) else code.co_lnotab
    if VERSION >= (3, 11):
        local = [code._varname_from_oparg(i) for i in range(count_locals(code))]
        return table, code.co_code, code._co_code_adaptive, names(code.co_names), names(local)
    local = code.co_varnames + code.co_cellvars + code.co_freevars
    return table, code.co_code, code.co_code, names(code.co_names), names(local)


def runs_of(code):
    """The positions of all code units, equal neighbours counted; None is 0 for lines, -1 for columns."""
    runs = []
    for line, end_line, column, end_column in positions_of(code):
        entry = [line or 0, end_line or 0, -1 if column is None else column,
                 -1 if end_column is None else end_column]
        if runs and runs[-1][:4] == entry:
            runs[-1][4] += 1
        else:
            runs.append(entry + [1])
    return runs


def wrap(items, indent):
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) > 98 - indent:
            lines.append(line.rstrip())
            line = ""
        line += item + ", "
    lines.append(line.rstrip())
    return ("\n" + " " * indent).join(lines)


def names(values):
    return b"".join(value.encode() + b"\0" for value in values)


def print_case(table, source, expected):
    source, code = code_of(source)
    if isinstance(expected, dict):
        expected = [names for version, names in expected.items() if VERSION >= version][-1]
    units = [i.offset // 2 for i in dis.get_instructions(code) if i.opname in CALLS]
    if expected and set(expected) == {None}:
        expected = [None] * len(units)
    assert len(units) == len(expected), (source, units, expected, dis.dis(code))
    calls = [f'{{{unit}, {json.dumps(name, ensure_ascii=False) if name else "NULL"}}}'
             for unit, name in zip(units, expected)]
    runs = ["{%d, %d, %d, %d, %d}" % tuple(run) for run in runs_of(code)]
    first_cell = code.co_nlocals if VERSION < (3, 11) else 0
    print(f"    {{{table}, 0x{sys.hexversion:08x}, {code.co_firstlineno}, {first_cell},")
    print("     BYTES(" + c_string(source.encode() if len(source) < 200 else source.encode()[:60]) + "),")
    for data in tables_of(code):
        print("     BYTES(" + c_string(data) + "),")
    print("     (const struct run[]){" + wrap(runs, 27) + f"}}, {len(runs)},")
    print("     (const struct call[]){" + wrap(calls or ["{0, NULL}"], 28) + f"}}, {len(calls)}}},")


def count_locals(code):
    return len(set(code.co_varnames) | set(code.co_cellvars) | set(code.co_freevars))


def main():
    print(f"/* code_cases_{VERSION[0]}_{VERSION[1]}.def - generated (gen_code_cases.py): code objects of CPython "
          f"{sys.version.split()[0]}. */")
    print("/* clang-format off */")
    for table, snippets in (("PLAIN", SNIPPETS), ("SUBSCRIPT", SUBSCRIPTS), ("IMPLICIT", IMPLICIT), ("PLAIN", OTHERS),
                            ("PLAIN", ARGUMENTS)):
        for source, expected in snippets:
            print_case(table, source, expected)
    print("/* clang-format on */")


main()
