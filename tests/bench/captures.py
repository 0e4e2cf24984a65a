"""Long captures made of a short real one: its blocks again and again, each time as new epochs at a later time."""

import struct
import zlib
from collections import namedtuple

# docs/capture-format.md, section 3; the flags are one byte and three zeros
FILE_HEADER_BYTES = 12
LAYOUT = struct.Struct("<4sIIIIIIIQ")
CRC_FROM = 8  # the header's own crc is that of what follows it

Header = namedtuple("Header", "sync crc payload_crc flags sequence epoch raw_bytes stored_bytes clock_ns")
Block = namedtuple("Block", "header payload")


def blocks(data):
    """Yield the blocks of an undamaged capture."""
    at = FILE_HEADER_BYTES
    while at < len(data):
        header = Header._make(LAYOUT.unpack_from(data, at))
        at += LAYOUT.size + header.stored_bytes
        yield Block(header, data[at - header.stored_bytes:at])


def pack(header):
    packed = LAYOUT.pack(*header)
    return LAYOUT.pack(*header._replace(crc=zlib.crc32(packed[CRC_FROM:])))


def lengthen(source, path, seconds):
    """Write a capture of that length, and return the size of its records before compression.

    The last block, which says `end`, is left out: the result is as if the collector had been killed.
    """
    data = source.read_bytes()
    *real, last = blocks(data)
    first = real[0].header
    epochs, length_ns = 1 + real[-1].header.epoch - first.epoch, last.header.clock_ns - first.clock_ns
    sequence = raw_bytes = 0
    with open(path, "wb") as file:
        file.write(data[:FILE_HEADER_BYTES])
        for turn in range(round(seconds * 1e9 / length_ns)):
            for header, payload in real:
                later = header._replace(sequence=sequence, epoch=header.epoch + turn * epochs,
                                        clock_ns=header.clock_ns + turn * length_ns)
                file.write(pack(later) + payload)
                sequence += 1
                raw_bytes += header.raw_bytes
    return raw_bytes
