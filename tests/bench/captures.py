"""Long captures made of a short real one: its blocks again and again, each time as new epochs at a later time."""

import struct
import zlib
from collections import namedtuple

# docs/capture-format.md, section 3
FILE_HEADER_BYTES = 12
HEADER = struct.Struct("<4sII4xIIIIQ")  # the flags and three zeros are in the gap
HEADER_BYTES = 40
FLAGS_AT = 12

Block = namedtuple("Block", "header flags payload")


def blocks(data):
    """Yield the blocks of an undamaged capture."""
    at = FILE_HEADER_BYTES
    while at < len(data):
        header = HEADER.unpack_from(data, at)
        end = at + HEADER_BYTES + header[6]
        yield Block(header, data[at + FLAGS_AT:at + FLAGS_AT + 4], data[at + HEADER_BYTES:end])
        at = end


def raw_bytes(data):
    """Size of all its records before compression."""
    return sum(block.header[5] for block in blocks(data))


def again(block, sequence, epoch, later_ns):
    """The block, at another place of another capture."""
    sync, _, payload_crc, _, _, raw, stored, clock_ns = block.header
    header = bytearray(HEADER.pack(sync, 0, payload_crc, sequence, epoch, raw, stored, clock_ns + later_ns))
    header[FLAGS_AT:FLAGS_AT + 4] = block.flags
    struct.pack_into("<I", header, 4, zlib.crc32(header[8:]))
    return bytes(header) + block.payload


def lengthen(source, path, seconds):
    """Write a capture of that length. The last block, which has the `end`, is left out: the result is as if cut."""
    data = source.read_bytes()
    *real, last = blocks(data)
    first_ns, epochs = real[0].header[7], 1 + real[-1].header[4] - real[0].header[4]
    length_ns = last.header[7] - first_ns
    sequence = 0
    with open(path, "wb") as file:
        file.write(data[:FILE_HEADER_BYTES])
        for turn in range(round(seconds * 1e9 / length_ns)):
            for block in real:
                file.write(again(block, sequence, block.header[4] + turn * epochs, turn * length_ns))
                sequence += 1
    return path
