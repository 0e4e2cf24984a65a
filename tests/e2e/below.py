"""Native records of a capture as addresses and functions; a compiled below.c to take them of."""

import bisect
import functools
import platform

import support

SOURCE = support.HERE / "native/below.c"
EXACT, CUT, IN_KERNEL, NOT_WHOLE = 1, 2, 4, 8
# Places in the kernel's enum perf_event_x86_regs and perf_event_arm_regs: frame pointer, stack pointer, instruction.
FP, SP, PC = {"x86_64": (6, 7, 8), "aarch64": (29, 31, 32)}[platform.machine()]
LINK = {"aarch64": 30}.get(platform.machine())  # the register with the return address of a function that calls none


def build(folder, *options, library=False):
    """Compile below.c; -O1 keeps what the test calls."""
    path = folder / ("libbelow.so" if library else "below")
    shared = ["-shared", "-fPIC"] if library else []
    done = support.run(support.need_tool("cc"), "-O1", "-fno-optimize-sibling-calls", *options, *shared, SOURCE, "-o", path,
                       "-pthread")
    if done.status:
        raise AssertionError(done.err)
    return path


def words(text):
    """Those of a BLOB."""
    data = bytes.fromhex(str(text)) if text else b""
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


class Native:
    """A native record."""

    def __init__(self, fields):
        self.id, self.flags = fields["id"], fields.get("flags", 0)
        self.mask = fields.get("register_mask", 0)
        numbers = [bit for bit in range(64) if self.mask >> bit & 1]
        self.registers = dict(zip(numbers, words(fields.get("registers")), strict=True))
        self.address = fields.get("stack_address", 0)
        self.stack = words(fields.get("stack"))
        self.kernel = words(fields.get("kernel_chain"))
        self.ago_ns = int(fields.get("ago_ns", 0))

    def word(self, address):
        at = (address - self.address) // 8
        return self.stack[at] if 0 <= at < len(self.stack) else None

    def by_frame_pointers(self):
        """Instruction addresses, innermost first, as code with frame pointers has them."""
        chain, frame = [self.registers[PC]], self.registers.get(FP, 0)
        while self.word(frame + 8):
            chain.append(self.word(frame + 8))
            if not (following := self.word(frame)) or following <= frame:
                break
            frame = following
        return chain

    def in_order(self):
        """The instruction, the link register where there is one, then all words of the stack from its top on."""
        return [self.registers[PC], self.registers.get(LINK, 0), *(word for word in self.stack if word)]


class Functions:
    """Names of the addresses in one file of a capture, by nm."""

    def __init__(self, records, file):
        lines = support.run(support.need_tool("nm"), "-S", "--defined-only", file).out.decode().splitlines()
        rows = sorted((int(row[0], 16), int(row[1], 16), row[3]) for row in map(str.split, lines) if len(row) == 4)
        self.starts = [row[0] for row in rows]
        self.rows = rows
        self.modules = [record.fields for record in support.of_type(records, "module")
                        if record.fields.get("path") == str(file)]

    @functools.cache  # noqa: B019
    def name(self, address):
        for module in self.modules:
            if module["start"] <= address < module["start"] + module["size_bytes"]:
                offset = address - module["start"] + module.get("file_offset", 0)
                at = bisect.bisect_right(self.starts, offset) - 1
                start, size, name = self.rows[at]
                return name if at >= 0 and offset < start + size else None
        return None

    def names(self, addresses):
        return [name for name in map(self.name, addresses) if name]


def leaf_functions(records, tid):
    """[(name of the Python function, Native)] of the samples of a thread that have both."""
    known = {kind: {record.fields["id"]: record.fields for record in support.of_type(records, kind)}
             for kind in ("string", "code", "frame", "stack")}
    last, pairs = 0, []
    for sample, native in samples(records, tid):
        last = sample.get("stack_plus1", last)
        if native and last > 1 and not sample.get("flags", 0) & 3:
            frame = known["frame"][known["stack"][last - 1]["frame"]]
            pairs.append((known["string"][known["code"][frame["code"]]["name"]]["text"], native))
    return pairs


def has_chain(names, chain):
    """Are these in it, in this order?"""
    rest = iter(names)
    return all(name in rest for name in chain)


def samples(records, tid):
    """[(sample's fields, Native or None)] of a thread; a capture of one epoch."""
    thread = next(record.fields["id"] for record in support.of_type(records, "thread") if record.fields["tid"] == tid)
    natives = {record.fields["id"]: Native(record.fields) for record in support.of_type(records, "native")}
    return [(record.fields, natives.get(record.fields.get("native", 0)))
            for record in support.of_type(records, "sample") if record.fields["thread"] == thread]
