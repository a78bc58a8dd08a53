"""Bodies as they travelled: content-encodings are undone, within bounds, and bytes become text."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass

LARGEST = 4 << 20
"""Bytes read of a body, its encodings undone. What lies beyond is left out, and the body counts as cut."""

MOST_LAYERS = 3
MOST_MEMBERS = 16  # of one gzip body; more come only from those who want them to be slow

_ANY_HEADER = 32 + zlib.MAX_WBITS  # gzip or zlib, told apart by the header
_NO_HEADER = -zlib.MAX_WBITS  # what some servers send as deflate


@dataclass(frozen=True, kw_only=True, slots=True)
class Plain:
    """A body as it was before it was encoded. `is_cut`: not all of it is here."""

    data: bytes = b""
    is_cut: bool = False
    problem: str = ""


def undone(body: bytes, encoding: str, *, largest: int = LARGEST) -> Plain:
    """Undoes the `content-encoding`, the last one first. RFC 9110, section 8.4. Never raises, never gives more than `largest` bytes."""
    layers = [layer.strip().lower() for layer in encoding.split(",")]
    layers = [layer for layer in layers if layer and layer != "identity"]
    if len(layers) > MOST_LAYERS:
        return Plain(problem=f"the body is encoded more than {MOST_LAYERS} times")
    plain = Plain(data=body[:largest], is_cut=len(body) > largest)
    for layer in reversed(layers):
        if layer not in {"gzip", "x-gzip", "deflate"}:
            name = layer if layer.isalnum() and len(layer) <= 16 else "of another kind"
            return Plain(is_cut=plain.is_cut, problem=f"the content-encoding {name} cannot be undone")
        inner = _inflated(plain.data, largest)
        plain = Plain(data=inner.data, is_cut=plain.is_cut or inner.is_cut, problem=plain.problem or inner.problem)
    return plain


def _inflated(data: bytes, largest: int) -> Plain:
    """A body may be several gzip members one after the other. RFC 1952, section 2.2."""
    pieces: list[bytes] = []
    room, rest = largest, data
    for member in range(MOST_MEMBERS):
        inflater = _inflater(rest)
        try:
            piece = inflater.decompress(rest, room + 1)
        except zlib.error:
            if member:  # bytes after the last member are padding
                return Plain(data=b"".join(pieces))
            return Plain(problem="the body is not what its content-encoding says")
        pieces.append(piece[:room])
        if len(piece) > room or not inflater.eof:
            return Plain(data=b"".join(pieces), is_cut=True)
        room, rest = room - len(piece), inflater.unused_data
        if not rest:
            return Plain(data=b"".join(pieces))
    return Plain(data=b"".join(pieces), is_cut=True, problem=f"the body has more than {MOST_MEMBERS} gzip members")


def _inflater(data: bytes) -> zlib._Decompress:
    try:
        zlib.decompressobj(wbits=_ANY_HEADER).decompress(data[:64], 1)
    except zlib.error:
        return zlib.decompressobj(wbits=_NO_HEADER)
    return zlib.decompressobj(wbits=_ANY_HEADER)


def as_text(data: bytes) -> tuple[str, str]:
    """The bytes as UTF-8, and a problem. A last character that is not all there is left out."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data).removeprefix("\ufeff"), ""
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").removeprefix("\ufeff"), "the body holds bytes that are not UTF-8"
