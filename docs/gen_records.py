#!/usr/bin/env python3
"""gen_records.py - the record tables of capture-format.md, from include/pam/records.def.

Without arguments it rewrites section 7 of the page; with --check it fails when the page is out of step.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "capture-format.md")
MARK = "<!-- records -->\n"


def constants():
    """Named bounds of capture.h."""
    text = open(os.path.join(HERE, "..", "include", "pam", "capture.h")).read()
    found = re.findall(r"(PAM_MAX_\w+) = ([\d <]+),", text)
    return {name: eval(value) for name, value in found}


def tables():
    text = open(os.path.join(HERE, "..", "include", "pam", "records.def")).read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    bounds = constants()
    for number, name, what, fields in re.findall(r'RECORD\((\d+), (\w+), "(.*?)"\)(.*?)END\(', text, flags=re.S):
        yield f"\n### {number} {name}\n\n{what[0].upper() + what[1:]}.\n\n| field | kind | bound | meaning |\n| --- | --- | --- | --- |\n"
        for field, kind, bound, meaning in re.findall(r'FIELD\(\w+, (\w+), (\w+), (\w+),\s*"(.*?)"\)', fields, flags=re.S):
            limit = bounds.get(bound, "")
            yield f"| {field} | {kind} | {limit} | {meaning} |\n"


def main():
    page = open(PAGE).read()
    head = page[:page.index(MARK) + len(MARK)]
    new = head + "".join(tables())
    if sys.argv[1:] == ["--check"]:
        if new != page:
            sys.exit("docs/capture-format.md is out of step with records.def: run docs/gen_records.py")
        return
    open(PAGE, "w").write(new)


main()
