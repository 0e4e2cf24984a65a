"""A function that makes three calls of one method on one line, one of them on what another returns.

Truth, per call: the place of its expression as Python's parser tells, and the seconds spent in it.
"""

import ast
import random
import time

import truth

LINE_OF = "spin_all"


class Tool:
    """Each call says by its first argument which one it is, and lasts as long as chance wants."""

    def __init__(self):
        self.wall = {}

    def spin(self, name, seconds):
        start, seconds = time.perf_counter(), random.uniform(0, 2 * seconds)
        while time.perf_counter() < start + seconds:
            pass
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - start
        return self


TOOL = Tool()


def spin_all():
    return TOOL.spin("fünf", 0.0015).spin("two", 0.003), TOOL.spin("three", 0.006)


def places(path):
    """(line, column, end line, end column) of each call by its first argument; columns are bytes from 0."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    function = next(node for node in tree.body if getattr(node, "name", "") == LINE_OF)
    return {call.args[0].value: (call.lineno, call.col_offset, call.end_lineno, call.end_col_offset)
            for call in ast.walk(function) if isinstance(call, ast.Call)}


def main():
    options = truth.arguments(__doc__)
    truth.ready()
    for _ in truth.until(options.seconds):
        spin_all()
    truth.tell(function=LINE_OF, wall=TOOL.wall, places=places(__file__))


main()
