"""Rebuilds what every thread did from the events of a capture, and prints events, collapsed stacks or statistics."""

import argparse
import collections
import re
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from pamstream import REASON_RECORD, REASONS, Block, CaptureError, Cursor, Damage, Gap, Reader, Record

LEAF_CUT, FAILED = 1, 2
MISSING = "[unknown]"  # in the place of frames
DEFAULT_NAME = re.compile(r"Task-[0-9]+|")
UNKNOWN_TEXT = "?"
UNKNOWN_STACK = None

Stack = tuple["Frame", ...]


@dataclass
class Thread:
    """A thread as its latest record tells it."""

    tid: int = 0
    pid: int = 0
    python_name: str = ""
    is_main: bool = False
    kernel_name: str = ""

    @property
    def name(self) -> str:
        return self.python_name or ("MainThread" if self.is_main else self.kernel_name) or UNKNOWN_TEXT


@dataclass(frozen=True)
class Frame:
    """A place in a code object, and whether it may have been another one's."""

    code: "Code"
    place: tuple[str, str, int]
    reused: bool = False

    def __str__(self) -> str:
        qualname, file, line = self.place
        return f"{qualname}{' [reused]' * self.reused} ({file}:{line})"


@dataclass(frozen=True)
class TaskFrame:
    """No place in code, but the asyncio task that runs the frames after it."""

    name: str
    code: None = None

    def __str__(self) -> str:
        return f"task: {self.name}"


@dataclass(frozen=True)
class Span:
    """A time in which a thread kept one stack, root first; the stack is None where it is unknown."""

    thread: Thread
    start_ns: int
    end_ns: int
    stack: Stack | None
    leaf_cut: bool = False


@dataclass(frozen=True)
class Code:
    """What a frame needs of a code object."""

    qualname: str
    file: str
    first_line: int
    line_table: bytes
    python_version: int

    def place(self, unit_plus1: int) -> tuple[str, str, int]:
        """The frame at a code unit (section 5 of the page); a unit that has no line gets the first one."""
        line = None
        version = self.python_version >> 24, self.python_version >> 16 & 0xFF
        decode = next((decode for newest, decode in DECODERS if (3, 8) <= version <= newest), None)
        if unit_plus1 and decode:
            line = decode(self.line_table, self.first_line, unit_plus1 - 1)
        return self.qualname, self.file, self.first_line if line is None else line


class LineCursor(Cursor):
    """Takes the numbers of a line table."""

    def byte(self) -> int:
        if not self.left:
            raise Damage("a line table is cut")
        self.at += 1
        return self.data[self.at - 1]

    def unsigned(self) -> int:
        value = shift = 0
        while (byte := self.byte()) & 0x40:
            value |= (byte & 0x3F) << shift
            shift += 6
        return value | (byte & 0x3F) << shift

    def signed(self) -> int:
        value = self.unsigned()
        return -(value >> 1) if value & 1 else value >> 1

    def line_step(self, kind: int) -> int:
        """Takes what follows the first byte of an entry and returns what it adds to the line."""
        if kind <= 9:
            self.byte()
        elif kind <= 12:
            self.byte(), self.byte()
            return kind - 10
        elif kind <= 14:
            step = self.signed()
            for _ in range(3 if kind == 14 else 0):
                self.unsigned()
            return step
        return 0


def line_of_unit(table: bytes, line: int, unit: int) -> int | None:
    """Walks a line table to the entry that covers a code unit; None without a line or an entry."""
    cursor = LineCursor(table)
    while unit >= 0 and cursor.left:
        first = cursor.byte()
        kind = first >> 3 & 15
        unit -= (first & 7) + 1
        try:
            line += cursor.line_step(kind)
        except Damage:
            return None
    return None if unit >= 0 or kind == 15 else line


def pairs_of(table: bytes) -> list[tuple[int, int]]:
    """The pairs of an older table: an unsigned and a signed byte."""
    return [(table[at], (table[at + 1] ^ 128) - 128) for at in range(0, len(table) - 1, 2)]


def line_by_ranges(table: bytes, line: int, unit: int) -> int | None:
    """The line of a code unit by the table of CPython 3.10."""
    at = 0
    for size, more in pairs_of(table):
        at += size
        line += 0 if more == -128 else more
        if 2 * unit < at:
            return None if more == -128 else line
    return None


def line_by_lnotab(table: bytes, line: int, unit: int) -> int:
    """The line of a code unit by the table of CPython 3.8 and 3.9."""
    at = 0
    for size, more in pairs_of(table):
        at += size
        if 2 * unit < at:
            break
        line += more
    return line


# The newest version that has such a table, oldest first.
DECODERS = (((3, 9), line_by_lnotab), ((3, 10), line_by_ranges), ((3, 14), line_of_unit))


class Profile:
    """The spans of all threads of a capture."""

    def __init__(self, events=()):
        self.threads: dict[int, Thread] = {}
        self.spans: list[Span] = []
        self.first_ns: int | None = None
        self.now_ns = 0
        self._open: dict[int, Span] = {}
        self._epoch: int | None = None
        self._forget_ids()
        for event in events:
            self.feed(event)
        self.finish()

    def finish(self) -> None:
        """Ends the spans that are open at the current time."""
        for thread in list(self._open):
            self._close(thread, self.now_ns)

    def feed(self, event) -> None:
        if isinstance(event, Block):
            self._sampled_in_block: dict[int, Stack | None] = {}
            if event.epoch != self._epoch:
                self._forget_ids()
            self._epoch = event.epoch
        elif isinstance(event, Gap):
            if event.reason != REASON_RECORD:
                for thread in list(self._open):
                    self._set(thread, UNKNOWN_STACK)
            self._advance(event.time_ns)
        elif isinstance(event, Record):
            self._advance(event.time_ns)
            if handler := getattr(self, f"_on_{event.name}", None):
                handler(event.fields)

    def time_per_stack(self) -> dict[tuple[str, int, Stack | None], int]:
        """(thread name, tid, stack) -> nanoseconds."""
        times: collections.Counter = collections.Counter()
        for span in self.spans:
            stack = (*span.stack, MISSING) if span.stack and span.leaf_cut else span.stack
            times[span.thread.name, span.thread.tid, stack] += span.end_ns - span.start_ns
        return dict(times)

    def _advance(self, time_ns: int | None) -> None:
        """Moves the current time, never back: the clock cannot, so that what would is a piece that comes twice."""
        if time_ns is not None:
            self.first_ns = time_ns if self.first_ns is None else self.first_ns
            self.now_ns = max(self.now_ns, time_ns)

    def _forget_ids(self) -> None:
        self._strings: dict[int, str] = {}
        self._codes: dict[int, Code] = {}
        self._frames: dict[int, Frame] = {}
        self._stacks: dict[int, Stack | None] = {0: ()}
        self._tasks: dict[int, TaskFrame] = {}
        self._sampled_in_block = {}

    def _set(self, thread: int, stack: Stack | None, leaf_cut: bool = False) -> None:
        """The thread has this stack from now on."""
        self._close(thread, self.now_ns)
        self._open[thread] = Span(self.threads[thread], self.now_ns, self.now_ns, stack, leaf_cut)

    def _close(self, thread: int, end_ns: int) -> None:
        span = self._open.pop(thread, None)
        if span and span.start_ns < end_ns:
            self.spans.append(replace(span, end_ns=end_ns))

    def _on_string(self, fields: dict) -> None:
        self._strings[fields["id"]] = fields["text"]

    def _on_code(self, fields: dict) -> None:
        qualname = self._strings.get(fields["qualname"], UNKNOWN_TEXT)
        file = self._strings.get(fields["file"], UNKNOWN_TEXT)
        self._codes[fields["id"]] = Code(
            qualname, file, fields["first_line"], fields["line_table"], fields["python_version"]
        )

    def _on_frame(self, fields: dict) -> None:
        code = self._codes.get(fields["code"])
        if code:
            self._frames[fields["id"]] = Frame(code, code.place(fields["unit_plus1"]))

    def _on_stack(self, fields: dict) -> None:
        parent = self._stacks.get(fields["parent"])
        frame = self._frames.get(fields["frame"])
        known = parent is not None and frame is not None
        self._stacks[fields["id"]] = (*parent, frame) if known else UNKNOWN_STACK

    def _on_task(self, fields: dict) -> None:
        """A name that asyncio made says less than that of the coroutine."""
        name, code = fields["name"], self._codes.get(fields["code"])
        if DEFAULT_NAME.fullmatch(name):
            number = f"Task-{fields['number_plus1'] - 1}" if fields["number_plus1"] else UNKNOWN_TEXT
            name = self._strings.get(fields["coroutine"]) or (code.qualname if code else name or number)
        self._tasks[fields["id"]] = TaskFrame(name)

    def _on_thread(self, fields: dict) -> None:
        thread = self.threads.setdefault(fields["id"], Thread())
        thread.tid, thread.pid = fields["tid"], fields["pid"]
        thread.is_main = bool(fields["has_python"]) and thread.tid == thread.pid
        if name := self._strings.get(fields["name"]):
            thread.python_name = name
        if name := self._strings.get(fields["kernel_name"]):
            thread.kernel_name = name

    def _on_sample(self, fields: dict) -> None:
        thread = fields["thread"]
        if thread not in self.threads:
            return
        if fields["flags"] & FAILED:
            stack = UNKNOWN_STACK
        elif fields["stack_plus1"]:
            stack = self._stacks.get(fields["stack_plus1"] - 1)
        else:
            stack = self._sampled_in_block.get(thread)
        self._sampled_in_block[thread] = stack
        task, depth = self._tasks.get(fields["task"]), fields["task_depth"]
        if stack and task and depth <= len(stack):
            stack = (*stack[:depth], task, *stack[depth:])
        self._set(thread, stack, bool(fields["flags"] & LEAF_CUT))

    def _on_code_reused(self, fields: dict) -> None:
        """Marks the frames of that code in all that was since then, also in what goes on."""
        code = self._codes.get(fields["code"])
        since_ns = self.now_ns - fields["since_us"] * 1000

        def marked(stack: Stack | None) -> Stack | None:
            return stack and tuple(replace(frame, reused=True) if frame.code == code else frame for frame in stack)

        def split(span: Span, end_ns: int) -> list[Span]:
            """The part before and the part since; one of them may be all."""
            if end_ns <= since_ns or marked(span.stack) == span.stack:
                return [span]
            later = replace(span, start_ns=max(span.start_ns, since_ns), stack=marked(span.stack))
            return [replace(span, end_ns=since_ns), later] if span.start_ns < since_ns else [later]

        def is_about(span: Span) -> bool:
            return not fields["pid"] or span.thread.pid == fields["pid"]

        self.spans = [part for span in self.spans
                      for part in (split(span, span.end_ns) if is_about(span) else [span])]
        for thread, span in self._open.items():
            if not is_about(span):
                continue
            *before, self._open[thread] = split(span, self.now_ns)
            self.spans += before

    def _on_thread_exit(self, fields: dict) -> None:
        self._close(fields["thread"], self.now_ns)


def dump(reader: Reader) -> None:
    """Prints every event, a line each."""
    for event in reader:
        if isinstance(event, Record):
            values = " ".join(f"{name}={value!r}" for name, value in event.fields.items() if value)
            print(f"{event.time_ns / 1e9:.6f} {event.name or f'unknown-{event.type}'} {values}".rstrip())
        elif isinstance(event, Block):
            print(f"-- block {event.sequence} at {event.offset}, epoch {event.epoch}, flags {event.flags} --")
        else:
            print(f"-- gap at {event.offset}: {event.amount} {event.reason} --")


def plain(text: str) -> str:
    """A text without what separates the parts and the lines of collapsed stacks."""
    return "".join(":" if char == ";" else " " if char < " " or char == "\x7f" else char for char in text)


def collapsed_times(profile: Profile) -> dict[str, int]:
    """Collapsed stack -> nanoseconds."""
    lines: collections.Counter = collections.Counter()
    for (name, tid, stack), time_ns in profile.time_per_stack().items():
        frames = [str(frame) for frame in stack or ()]
        if not frames:
            frames = [MISSING if stack is None else "[no Python frame]"]
        lines[";".join(plain(part) for part in [f"{name} ({tid})", *frames])] += time_ns
    return dict(lines)


def collapsed(reader: Reader) -> None:
    """Prints the time of every stack in microseconds."""
    for line, time_ns in sorted(collapsed_times(Profile(reader)).items()):
        print(f"{line} {round(time_ns / 1000)}")


def stats(reader: Reader) -> None:
    """Prints damage, counts, duration and the last health record."""
    damage: collections.Counter = collections.Counter()
    counts: collections.Counter = collections.Counter()
    profile = Profile()
    health: dict = {}
    last = ""
    for event in reader:
        profile.feed(event)
        if isinstance(event, Gap):
            damage[event.reason] += event.amount
        elif isinstance(event, Block):
            counts["block"] += 1
        else:
            last = event.name
            counts[event.name or f"unknown-{event.type}"] += 1
            health = event.fields if event.name == "health" else health
    print(f"complete: {'yes' if last == 'end' else 'no'}")
    print(f"duration_s: {(profile.now_ns - (profile.first_ns or 0)) / 1e9:.6f}")
    for reason in REASONS:
        print(f"damage: {damage[reason]} {reason}")
    for name, count in sorted(counts.items()):
        print(f"count: {name} {count}")
    for name, value in health.items():
        print(f"health: {name} {value}")


def main() -> int:
    commands = {"dump": dump, "collapsed": collapsed, "stats": stats}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        commands[arguments.command](Reader(arguments.file.read_bytes()))
    except (CaptureError, OSError) as error:
        print(f"pamcap.py: {arguments.file}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
