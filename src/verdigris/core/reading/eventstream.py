"""Amazon's binary event stream, `application/vnd.amazon.eventstream`.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html and
https://smithy.io/2.0/aws/amazon-eventstream.html: total length, length of the headers, CRC-32 of these two; headers; payload; CRC-32 of all before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

PRELUDE, CHECKSUM = 12, 4
SMALLEST = PRELUDE + CHECKSUM
LARGEST_MESSAGE = 24 << 20
LARGEST_HEADERS = 128 << 10

_TRUE, _FALSE, _BYTES, _STRING = 0, 1, 6, 7
_SIZES = {2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of values of a fixed size, by type


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """`headers` holds those whose values are strings."""

    headers: Mapping[str, str] = field(default_factory=dict)
    payload: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Messages:
    """The messages of a stream up to where it ends, breaks off or makes no sense."""

    found: tuple[Message, ...] = ()
    is_cut: bool = False
    problem: str = ""


def messages(data: bytes) -> Messages:
    """Never raises."""
    found: list[Message] = []
    at, view = 0, memoryview(data)
    while at < len(data):
        if len(data) - at < PRELUDE:
            return Messages(found=tuple(found), is_cut=True)
        total, headers, crc = struct.unpack_from("!III", data, at)
        if zlib.crc32(view[at : at + 8]) != crc:
            return Messages(found=tuple(found), problem="a message of the event stream has a wrong checksum")
        if not SMALLEST + headers <= total <= LARGEST_MESSAGE or headers > LARGEST_HEADERS:
            return Messages(found=tuple(found), problem="a message of the event stream has an impossible length")
        if len(data) - at < total:
            return Messages(found=tuple(found), is_cut=True)
        end = at + total - CHECKSUM
        if zlib.crc32(view[at:end]) != struct.unpack_from("!I", data, end)[0]:
            return Messages(found=tuple(found), problem="a message of the event stream has a wrong checksum")
        split = at + PRELUDE + headers
        found.append(Message(headers=_headers(data[at + PRELUDE : split]), payload=data[split:end]))
        at += total
    return Messages(found=tuple(found))


def _headers(data: bytes) -> dict[str, str]:
    """Those that can be read; the checksum has already told that nothing was changed on the way."""
    known: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end], data[name_end : name_end + 1]
        at = name_end + 1
        if not kind:
            break
        if kind[0] in (_BYTES, _STRING):
            if len(data) - at < 2:
                break
            size = struct.unpack_from("!H", data, at)[0]
            value, at = data[at + 2 : at + 2 + size], at + 2 + size
            if kind[0] == _STRING:
                known[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        elif kind[0] in _SIZES:
            at += _SIZES[kind[0]]
        elif kind[0] not in (_TRUE, _FALSE):
            break
    return known
