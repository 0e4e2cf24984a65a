"""Reads the blocks and records of a capture, whatever its damage, with docs/capture-format.md as the schema."""

import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

try:
    import zstandard
except ImportError as error:
    raise ImportError("the module 'zstandard' is missing; install it with: python3 -m pip install zstandard") from error

PAGE = Path(__file__).resolve().parents[2] / "docs" / "capture-format.md"

MAGIC = b"\x89PAMCAP\n"
VERSION = 1
FILE_HEADER_BYTES = 12

SYNC = b"\xf1\x50\x42\x9d"
HEADER = struct.Struct("<4sIIB3xIIIIQ")
FRAME_STARTS, FRAME_ENDS, EPOCH_STARTS = 1, 2, 4
RAW_BOUND = 262_144
STORED_BOUND = 270_336
WINDOW_BOUND = 1 << 17


REASON_BYTES = "bytes that belong to no block"
REASON_PAYLOAD = "blocks with a damaged payload"
REASON_MISSING = "blocks missing by their sequence numbers"
REASON_FRAME = "blocks that need a lost one"
REASON_RECORD = "damaged records"
REASON_CUT = "bytes of a cut block at the end"
REASONS = (REASON_BYTES, REASON_PAYLOAD, REASON_MISSING, REASON_FRAME, REASON_RECORD, REASON_CUT)


class CaptureError(Exception):
    """The file is no capture of a version that can be read."""


class Damage(Exception):
    """Bytes that cannot be what the page says."""


@dataclass(frozen=True)
class Field:
    """A row of a record table."""

    name: str
    kind: str
    bound: int | None


@dataclass(frozen=True)
class Block:
    """A block that was read; its records follow."""

    offset: int
    flags: int
    sequence: int
    epoch: int
    raw_bytes: int
    stored_bytes: int
    clock_base_ns: int
    payload_crc: int

    @property
    def payload_offset(self) -> int:
        return self.offset + HEADER.size


@dataclass(frozen=True)
class Gap:
    """Something was lost here, one of REASONS; the time is known where a block that cannot be read tells it."""

    offset: int
    reason: str
    amount: int = 1
    time_ns: int | None = None


@dataclass(frozen=True)
class Record:
    """A record with the current time it belongs to; name and fields of an unknown type are empty."""

    time_ns: int
    type: int
    name: str
    fields: dict


def load_schema(page: Path = PAGE) -> dict[int, tuple[str, tuple[Field, ...]]]:
    """The record tables of section 7: type -> (name, fields)."""
    tables: dict[int, tuple[str, list[Field]]] = {}
    fields: list[Field] = []
    for line in page.read_text(encoding="utf-8").partition("<!-- records -->")[2].splitlines():
        if heading := re.fullmatch(r"### (\d+) (\w+)", line):
            fields = []
            if int(heading[1]) in tables:
                raise CaptureError(f"{page}: two records have the number {heading[1]}")
            tables[int(heading[1])] = (heading[2], fields)
        elif row := re.match(r"\| (\w+) \| (U64|I64|TEXT|BLOB) \| (\d*) \|", line):
            fields.append(Field(row[1], row[2], int(row[3]) if row[3] else None))
    if not tables:
        raise CaptureError(f"{page}: no record tables")
    return {number: (name, tuple(rows)) for number, (name, rows) in tables.items()}


class Cursor:
    """Takes varints and sized bytes off a piece of memory and never leaves it."""

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            if not self.left:
                raise Damage("a varint is cut")
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 64:
                    raise Damage("a varint is over 64 bits")
                return value
        raise Damage("a varint is too long")

    def bytes(self, bound: int | None = None) -> bytes:
        size = self.varint()
        if size > self.left or (bound is not None and size > bound):
            raise Damage("a size is over its bound")
        self.at += size
        return self.data[self.at - size : self.at]

    def field(self, field: Field):
        """A value; zero or empty when the record ended before."""
        if field.kind in ("TEXT", "BLOB"):
            value = self.bytes(field.bound) if self.left else b""
            return value if field.kind == "BLOB" else value.decode("utf-8", "replace")
        value = self.varint() if self.left else 0
        return (value >> 1) ^ -(value & 1) if field.kind == "I64" else value


class BoundedSink:
    """Collects decompressed bytes and refuses more than a block may hold."""

    def __init__(self):
        self.data = bytearray()

    def write(self, piece: bytes) -> int:
        if len(self.data) + len(piece) > RAW_BOUND:
            raise Damage("a payload is larger than a block may be")
        self.data += piece
        return len(piece)


class Frame:
    """A zstd frame that goes on from block to block."""

    def __init__(self):
        self.sink = BoundedSink()
        room = RAW_BOUND + WINDOW_BOUND
        self.writer = zstandard.ZstdDecompressor(max_window_size=WINDOW_BOUND).stream_writer(self.sink, write_size=room)

    def decompress(self, payload: bytes, raw_bytes: int) -> bytes:
        self.sink.data.clear()
        try:
            self.writer.write(payload)
        except zstandard.ZstdError as error:
            raise Damage(str(error)) from error
        if len(self.sink.data) != raw_bytes:
            raise Damage("a payload is not as large as its header says")
        return bytes(self.sink.data)


def parse_header(data: bytes, offset: int) -> Block | None:
    """The block header at offset, or None when there is no valid one."""
    if len(data) - offset < HEADER.size:
        return None
    sync, crc, payload_crc, flags, sequence, epoch, raw, stored, clock = HEADER.unpack_from(data, offset)
    if sync != SYNC or raw > RAW_BOUND or stored > STORED_BOUND:
        return None
    if zlib.crc32(data[offset + 8 : offset + HEADER.size]) != crc:
        return None
    return Block(offset, flags, sequence, epoch, raw, stored, clock, payload_crc)


def find_header(data: bytes, offset: int) -> Block | None:
    """The next valid block header at offset or behind it."""
    while (offset := data.find(SYNC, offset)) >= 0:
        if block := parse_header(data, offset):
            return block
        offset += 1
    return None


def could_be_cut_header(data: bytes, offset: int) -> bool:
    """Whether what is left of a stream is the beginning of a block header."""
    tail = data[offset:]
    return len(tail) < HEADER.size and tail[:4] == SYNC[: len(tail)]


def whole_blocks(data: bytes):
    """Yields (block, payload) for each valid header, without payload where that is damaged, and (gap, None) between."""
    offset = FILE_HEADER_BYTES
    payload_short = False
    while offset < len(data):
        block = find_header(data, offset)
        end = block.offset if block else len(data)
        if end > offset:
            cut = block is None and (payload_short or could_be_cut_header(data, offset))
            yield Gap(offset, REASON_CUT if cut else REASON_BYTES, end - offset), None
        if block is None:
            return
        payload = data[block.payload_offset : block.payload_offset + block.stored_bytes]
        payload_short = len(payload) < block.stored_bytes
        if not payload_short and zlib.crc32(payload) == block.payload_crc:
            yield block, payload
            offset = block.payload_offset + block.stored_bytes
            continue
        offset = block.payload_offset
        if not payload_short or find_header(data, offset):
            yield block, None
            payload_short = False
        elif offset == len(data):
            yield Gap(block.offset, REASON_CUT, HEADER.size), None


class Reader:
    """Iterates over the events of a capture: Block, Gap and Record."""

    def __init__(self, data: bytes, page: Path = PAGE):
        if data[: len(MAGIC)] != MAGIC:
            raise CaptureError("this is no capture")
        if len(data) < FILE_HEADER_BYTES or data[len(MAGIC)] != VERSION:
            raise CaptureError("this capture is of another version")
        self.data = data
        self.schema = load_schema(page)

    def __iter__(self):
        frame: Frame | None = None
        expected = 0
        for block, payload in whole_blocks(self.data):
            if isinstance(block, Gap):
                frame = None
                yield block
                continue
            if block.sequence != expected:
                frame = None
                yield Gap(block.offset, REASON_MISSING, max(block.sequence - expected, 1))
            expected = block.sequence + 1 & 0xFFFFFFFF
            if payload is None:
                frame = None
                yield Gap(block.offset, REASON_PAYLOAD)
                continue
            if block.flags & FRAME_STARTS:
                frame = Frame()
            if frame is None:
                yield Gap(block.offset, REASON_FRAME, time_ns=block.clock_base_ns)
                continue
            try:
                raw = frame.decompress(payload, block.raw_bytes)
            except Damage:
                frame = None
                yield Gap(block.offset, REASON_PAYLOAD)
                continue
            if block.flags & FRAME_ENDS:
                frame = None
            yield block
            yield from self.records(block, raw)

    def records(self, block: Block, raw: bytes):
        """The records of a block; one with damaged fields is skipped, one with a damaged size ends the block."""
        time_ns = block.clock_base_ns
        cursor = Cursor(raw)
        while cursor.left:
            try:
                number = cursor.varint()
                inner = Cursor(cursor.bytes())
            except Damage:
                yield Gap(block.offset, REASON_RECORD)
                return
            name, fields = self.schema.get(number, ("", ()))
            try:
                values = {field.name: inner.field(field) for field in fields}
            except Damage:
                yield Gap(block.offset, REASON_RECORD)
                continue
            if name == "tick":
                time_ns += values["delta_us"] * 1000
            yield Record(time_ns, number, name, values)
