"""Packs and unpacks MAVLink 2 frames."""

import struct

MAGIC = 0xFD
HEADER = struct.Struct("<BBBBBBBHB")  # magic, length, 2 flags, sequence, system, component, message id (16 + 8 bits)

# name: (message id, CRC seed of the message, payload)
MESSAGES = {
    "HEARTBEAT": (0, 50, struct.Struct("<IBBBBB")),
    "ATTITUDE": (30, 39, struct.Struct("<Iffffff")),
    "LOCAL_POSITION_NED": (32, 185, struct.Struct("<Iffffff")),
    "RC_CHANNELS": (65, 118, struct.Struct("<I18HBB")),
    "SET_POSITION_TARGET_LOCAL_NED": (84, 143, struct.Struct("<IfffffffffffHBBB")),
}
NAMES = {identifier: name for name, (identifier, _, _) in MESSAGES.items()}


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0x8408 if value & 1 else value >> 1
        table.append(value)
    return table


CRC_TABLE = _crc_table()


def crc_x25(data, crc=0xFFFF):
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def pack(name, fields, sequence, system=1, component=1):
    identifier, seed, layout = MESSAGES[name]
    payload = layout.pack(*fields)
    header = HEADER.pack(MAGIC, len(payload), 0, 0, sequence & 0xFF, system, component,
                         identifier & 0xFFFF, identifier >> 16)
    checksum = crc_x25(bytes([seed]), crc_x25(header[1:] + payload))
    return header + payload + checksum.to_bytes(2, "little")


def unpack(frame):
    """Return (name, fields); raise ValueError for anything but one whole frame."""
    if len(frame) < HEADER.size + 2 or frame[0] != MAGIC:
        raise ValueError("not a MAVLink 2 frame")
    identifier = frame[7] | frame[8] << 8 | frame[9] << 16
    if identifier not in NAMES:
        raise ValueError(f"unknown message {identifier}")
    name = NAMES[identifier]
    _, seed, layout = MESSAGES[name]
    if frame[1] != layout.size or len(frame) != HEADER.size + layout.size + 2:
        raise ValueError(f"{name} of a wrong length")
    if crc_x25(bytes([seed]), crc_x25(frame[1:-2])) != int.from_bytes(frame[-2:], "little"):
        raise ValueError(f"{name} with a wrong checksum")
    return name, layout.unpack(frame[HEADER.size:-2])
