"""A record: what the judge was given, entry by entry, so that every verdict can be given again from it.

A segment is `VGRC`, one byte with the schema, and a zlib stream of entries. An entry is the length of its head (4 bytes,
little-endian), its head in JSON, and the arrays that the head lists as `[name, dtype, n]` under `arrays`, in that order.
Arrays are little-endian with their bytes transposed: first the first byte of every number, then the second, which
compresses better. So numbers come back as they were, to the bit.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.compared import PairKind
from verdigris.core.model.errors import StoreTooNew, StoreUnreadable
from verdigris.core.model.pair import Answer, Pair
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Outcome, Verdict

SCHEMA = 2

MOST = 64 * 1024 * 1024
"""Bytes that one rollout's record takes at most; beyond, it is cut."""

MOST_HELD = 16 * 1024 * 1024
"""Bytes that wait in memory at most while the store does not take them; beyond, the record is cut."""

_MAGIC = b"VGRC"
_CLOSE = 64 * 1024  # bytes after which the next entry begins a segment of its own
_LARGEST = 256 * 1024 * 1024  # bytes of one segment, unpacked: more is none of ours
_LEVEL = 1
_HEAD = struct.Struct("<I")
_LATER = ("sampled", "apart")  # members that a finding has got since records are kept
_DTYPES = {"b": "|b1", "i": "<i8", "u": "<u8", "f": "<f8"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """The ledger was begun with `terms`, and with the encoded `baseline` where stable had a past."""

    terms: Terms
    baseline: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Folded:
    """A batch of observations."""

    columns: Columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """From `at` on another share was to be expected."""

    at: float
    share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """What scorers said of sampled answers."""

    scored: tuple[Scored, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failing:
    """From here on these scorers failed in that part of their latest tries; none: all worked again."""

    scorers: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """The judge's word was put into the event log; `digest` is that of the whole verdict."""

    at: float
    min_candidate: int
    outcome: Outcome
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Restarted:
    """Another controller took up the stored ledger, which is this record's up to here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What came after `at` was not kept: the record would have become too large."""

    at: float


_KINDS = {Expected: "expected", Failing: "failing", Looked: "looked", Restarted: "restarted", Cut: "cut"}

Entry = Begun | Folded | Expected | Paired | Rated | Failing | Looked | Restarted | Cut


def digest(verdict: Verdict) -> str:
    """16 hex digits that are the same only for the same verdict, to the last bit of every number."""
    told = asdict(verdict)
    for finding in told["findings"]:
        for name in _LATER:  # so that a verdict from before there were any is still the same
            if not finding[name]:
                del finding[name]
    text = json.dumps(told, sort_keys=True, default=float)
    return sha256(text.encode()).hexdigest()[:16]


# ------------------------------------------------------------------ writing


@dataclass(kw_only=True, slots=True)
class Recorder:
    """Packs entries into segments as they come.

    `number` is that of the latest closed segment and `size` the bytes of all closed ones, of the store's included.
    `closed` are those the store has not confirmed yet, by number; `latest` is the time up to which is known.
    """

    number: int = 0
    size: int = 0
    latest: float = 0.0
    most: int = MOST
    held: int = MOST_HELD
    is_cut: bool = False
    closed: dict[int, bytes] = field(default_factory=dict)
    _open: zlib._Compress | None = None
    _parts: list[bytes] = field(default_factory=list)
    _packed: int = 0

    def add(self, entry: Entry) -> None:
        """Keeps one entry; nothing more once the record is cut."""
        if self.is_cut:
            return
        if self._is_full():
            entry, self.is_cut = Cut(at=self.latest), True
        match entry:
            case Expected(at=at) | Looked(at=at):
                self.latest = max(self.latest, at)
            case Folded(columns=columns) if len(columns):
                self.latest = max(self.latest, float(columns.at[-1]))
            case _:
                pass
        self._pack(_packed(entry))

    def segments(self) -> dict[int, bytes]:
        """Closes what is open, and gives all that the store has not confirmed."""
        self._close()
        return dict(self.closed)

    def confirmed(self, numbers: Iterable[int]) -> None:
        """The store has these."""
        for number in numbers:
            self.closed.pop(number, None)

    def _is_full(self) -> bool:
        waiting = sum(map(len, self.closed.values())) + self._packed
        return self.size + self._packed >= self.most or waiting >= self.held

    def _pack(self, data: bytes) -> None:
        if self._open is None:
            self._open = zlib.compressobj(_LEVEL)
        part = self._open.compress(data)
        self._parts.append(part)
        self._packed += len(part)
        if self._packed >= _CLOSE:
            self._close()

    def _close(self) -> None:
        if self._open is None:
            return
        data = b"".join((_MAGIC, bytes((SCHEMA,)), *self._parts, self._open.flush()))
        self.number += 1
        self.closed[self.number] = data
        self.size += len(data)
        self._open, self._parts, self._packed = None, [], 0


def _packed(entry: Entry) -> bytes:
    match entry:
        case Begun():
            past = {} if entry.baseline is None else {"baseline": np.frombuffer(entry.baseline, dtype=np.uint8)}
            return _bytes({"kind": "begun", "terms": entry.terms.dump()}, past)
        case Folded():
            state = entry.columns.state()
            arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
            words = {name: value for name, value in state.items() if name not in arrays}
            return _bytes({"kind": "folded", "words": words}, arrays)
        case Paired() | Rated():
            return _bytes(_listed(entry))
        case Expected() | Failing() | Looked() | Restarted() | Cut():
            return _bytes({"kind": _KINDS[type(entry)], **asdict(entry)})
        case _:
            assert_never(entry)


def _listed(entry: Paired | Rated) -> dict[str, Any]:
    if isinstance(entry, Paired):
        return {"kind": "paired", "pairs": [asdict(pair) for pair in entry.pairs]}
    return {"kind": "rated", "scored": [_lean(asdict(row)) for row in entry.scored]}


def _lean(members: dict[str, Any]) -> dict[str, Any]:
    """Without what was not said."""
    return {name: value for name, value in members.items() if value is not None and value != ""}


def _bytes(head: dict[str, Any], arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> bytes:
    listed, parts = [], []
    for name, array in (arrays or {}).items():
        dtype = "|u1" if array.dtype == np.uint8 else _DTYPES[array.dtype.kind]
        listed.append([name, dtype, int(array.size)])
        plain = np.ascontiguousarray(array, dtype=np.dtype(dtype))
        parts.append(plain.view(np.uint8).reshape(array.size, plain.itemsize).T.tobytes())
    text = json.dumps({**head, "arrays": listed}, separators=(",", ":")).encode()
    return b"".join((_HEAD.pack(len(text)), text, *parts))


# ------------------------------------------------------------------ reading


def read(segments: Iterable[bytes]) -> Iterator[Entry]:
    """The entries of a record, in order. Raises: StoreUnreadable, StoreTooNew."""
    for number, segment in enumerate(segments, 1):
        body = _unpacked(segment, number)
        try:
            yield from _entries(body)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, struct.error) as error:
            raise StoreUnreadable(f"segment {number} of the record is damaged: {error!r}") from error


def _unpacked(segment: bytes, number: int) -> bytes:
    if segment[:4] != _MAGIC or len(segment) < 5:
        raise StoreUnreadable(f"segment {number} of the record is damaged: it does not begin as one")
    if segment[4] > SCHEMA:
        raise StoreTooNew(
            f"segment {number} of the record has schema {segment[4]}, this Verdigris knows {SCHEMA}",
            hint="replay with the newer Verdigris",
        )
    unpack = zlib.decompressobj()
    try:
        body = unpack.decompress(segment[5:], _LARGEST)
    except zlib.error as error:
        raise StoreUnreadable(f"segment {number} of the record is damaged: {error}") from error
    if not unpack.eof:
        raise StoreUnreadable(f"segment {number} of the record is damaged: its end is missing")
    return body


def _entries(body: bytes) -> Iterator[Entry]:
    place = 0
    while place < len(body):
        (length,) = _HEAD.unpack_from(body, place)
        place += _HEAD.size
        head = json.loads(body[place : place + length])
        place += length
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, dtype, n in head["arrays"]:
            kind = np.dtype(dtype)
            raw = np.frombuffer(body, dtype=np.uint8, count=n * kind.itemsize, offset=place)
            arrays[name] = np.ascontiguousarray(raw.reshape(kind.itemsize, n).T).view(kind).reshape(n)
            place += n * kind.itemsize
        yield _entry(head, arrays)


def _entry(head: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Entry:
    match head["kind"]:
        case "begun":
            past = arrays.get("baseline")
            return Begun(terms=Terms.load(head["terms"]), baseline=None if past is None else past.tobytes())
        case "folded":
            return Folded(columns=Columns.restored({**head["words"], **arrays}))
        case "paired":
            return Paired(pairs=_pairs(head["pairs"]))
        case "rated":
            return Rated(scored=tuple(Scored(**row) for row in head["scored"]))
        case kind:
            return _plain_entry(kind, head)


def _plain_entry(kind: str, head: Mapping[str, Any]) -> Entry:
    match kind:
        case "expected":
            return Expected(at=head["at"], share=head["share"])
        case "failing":
            return Failing(scorers={str(name): float(share) for name, share in head["scorers"].items()})
        case "looked":
            return Looked(
                at=head["at"],
                min_candidate=head["min_candidate"],
                outcome=Outcome(head["outcome"]),
                digest=head["digest"],
            )
        case "restarted":
            return Restarted()
        case "cut":
            return Cut(at=head["at"])
        case _:
            raise ValueError(f"unknown entry {kind!r}")


def _pairs(dumped: Sequence[Mapping[str, Any]]) -> tuple[Pair, ...]:
    return tuple(
        Pair(
            **{
                **pair,
                "stable": Answer(**pair["stable"]),
                "candidate": Answer(**pair["candidate"]),
                "kind": PairKind(pair.get("kind", PairKind.SHADOW)),
            }
        )
        for pair in dumped
    )
