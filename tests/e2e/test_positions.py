"""Lines and columns of every instruction of much of the standard library are those that CPython tells."""

import json
import pathlib
import re
import struct
import sys
import unittest
import zlib

import support

sys.path[:0] = [str(support.ROOT / "tests" / folder) for folder in ("reader", "bench")]

MODULES = (
    "argparse ast configparser contextlib dataclasses difflib enum functools html inspect pickle selectors socket statistics "
    "subprocess tarfile tempfile threading typing weakref asyncio collections concurrent.futures json logging urllib"
).split()

# Prints a line a code object: what a capture has of it, and what CPython tells of each of its instructions.
TELL = """
import json, pathlib, sys, sysconfig
def tell(code):
    positions = list(code.co_positions()) if hasattr(code, "co_positions") else [
        (line, line, None, None) for line in lines_of(code)]
    table = code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab
    print(json.dumps([code.co_firstlineno, table.hex(), code.co_code.hex(), positions]))
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            tell(constant)
def lines_of(code):
    lines = [None] * (len(code.co_code) // 2)
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            lines[start // 2:end // 2] = [line] * (end // 2 - start // 2)
        return lines
    import dis
    starts = sorted(dis.findlinestarts(code))
    for (start, line), (end, _) in zip(starts, starts[1:] + [(len(code.co_code), None)]):
        lines[start // 2:end // 2] = [line] * (end // 2 - start // 2)
    return lines
library = pathlib.Path(sysconfig.get_path("stdlib"))
for module in sys.argv[1:]:
    place = library / module.replace(".", "/")
    for file in sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        if file.exists():
            tell(compile(file.read_bytes(), str(file), "exec", dont_inherit=True))
print(json.dumps(sys.hexversion))
"""

NOWHERE = [None] * 4  # also the first instruction of a module, which CPython puts into a line 0


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


class Capture:
    """Writes records into blocks, each a zstd frame of its own, all of one epoch."""

    FULL_BYTES = 128 << 10

    def __init__(self, path):
        import captures  # both need the module zstandard
        import pamstream

        self.pack, self.header, self.stream = captures.pack, captures.Header, pamstream
        self.numbers = {name: (number, fields) for number, (name, fields) in pamstream.load_schema().items()}
        self.file, self.records, self.sequence = open(path, "wb"), bytearray(), 0
        self.file.write(pamstream.MAGIC + struct.pack("<I", pamstream.VERSION))

    def bound(self, name, field):
        return next(row.bound for row in self.numbers[name][1] if row.name == field)

    def put(self, name, **values):
        number, fields = self.numbers[name]
        body = bytearray()
        for field in fields:
            value = values.pop(field.name, b"" if field.kind in ("TEXT", "BLOB") else 0)
            body += varint(len(value)) + value if isinstance(value, bytes) else varint(value)
        assert not values, f"{name} has no {values}"
        self.records += varint(number) + varint(len(body)) + body
        if len(self.records) > self.FULL_BYTES:
            self.flush()

    def flush(self):
        payload = self.stream.zstandard.ZstdCompressor(write_checksum=True).compress(bytes(self.records))
        flags = self.stream.FRAME_STARTS | self.stream.FRAME_ENDS | (0 if self.sequence else self.stream.EPOCH_STARTS)
        header = self.header(self.stream.SYNC, 0, zlib.crc32(payload), flags, self.sequence, 0, len(self.records),
                             len(payload), 0)
        self.file.write(self.pack(header) + payload)
        self.records.clear()
        self.sequence += 1

    def close(self):
        self.put("end", reason=b"written by a test")
        self.flush()
        self.file.close()


def positions_told(path):
    """Of each frame of a capture, in their order: line, end line, column, end column, None where it is not told."""
    names = ("line", "end_line", "column", "end_column")
    for line in support.run(support.CONVERT, "-q", "-f", "dump", path).out.decode().splitlines():
        if " frame id=" in line:
            told = dict(re.findall(r"(\w+)=(\d+)", line.partition("#")[2]))
            yield [int(told[name]) if name in told else None for name in names]


class Positions(support.Case):
    def setUp(self):
        super().setUp()
        support.need_module("zstandard")

    def write(self, path, version, codes):
        """A capture with a frame at each instruction; the positions that they have by CPython.

        What is over a bound is not in a capture: that is the code of a module with a large table, if any.
        """
        capture, expected = Capture(path), []
        table_bound = capture.bound("code", "line_table")
        for number, (first_line, table, bytecode, positions) in enumerate(codes, 1):
            if max(len(table), len(bytecode)) // 2 > table_bound:
                print(f"left out: a code object of {len(positions)} instructions")
                continue
            capture.put("code", id=number, python_version=version, first_line=first_line, line_table=bytes.fromhex(table),
                        bytecode=bytes.fromhex(bytecode))
            for unit, position in enumerate(positions, 1):
                expected.append(position if position[0] else NOWHERE)
                capture.put("frame", id=len(expected), code=number, unit_plus1=unit)
        capture.close()
        return expected

    def check(self, version, python):
        *codes, hexversion = map(json.loads, support.run(python, "-c", TELL, *MODULES).out.splitlines())
        path = pathlib.Path(self.folder / f"{version}.pamcap")
        expected = self.write(path, hexversion, codes)
        told = list(positions_told(path))
        agree = sum(a == b for a, b in zip(told, expected))
        columns = sum(position[2] is not None for position in expected)
        print(f"{version}: {agree} of {len(expected)} positions of {len(codes)} code objects agree; {columns} have columns")
        self.assertEqual(len(told), len(expected))
        self.assertEqual([(a, b) for a, b in zip(told, expected) if a != b][:5], [], version)
        self.assertGreater(len(expected), 50_000)
        self.assertEqual(columns > 0, version not in support.WITHOUT_QUALNAMES, "columns are told since 3.11")

    def test_every_instruction(self):
        for version, python in support.pythons(support.VERSIONS):
            with self.subTest(version=version):
                self.check(version, python)


if __name__ == "__main__":
    unittest.main()
