"""One copied request while its parts come in. Pure.

The order is that of the exchange: the request's head, its body, the answer's head, its body. An answer may begin before the
request has ended. Parts that do not fit into `largest` bytes are left out, and the exchange says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from google.protobuf.message import DecodeError

from verdigris.adapters.samples.ext_proc.copy_pb2 import Body, Head, Header, Part
from verdigris.core.model.sample import Exchange

_PSEUDO = ":"
_COOKIE = "cookie"


class Malformed(Exception):
    """A part that cannot be read, or one out of turn."""


class Stage(Enum):
    """How far it has come."""

    BEGUN = "begun"  # nothing came yet
    ASKED = "asked"  # the request's head is here
    ANSWERED = "answered"  # the answer's head is here, too
    WHOLE = "whole"  # the answer's last byte is here
    CUT = "cut"  # the answer is longer than wanted; nothing more is


class Draft:
    """Takes parts until it is done. `size` counts the bytes it holds, nearly."""

    __slots__ = (
        "_answer",
        "_asked",
        "_cut",
        "_heads",
        "_largest",
        "_method",
        "_request_headers",
        "_response_headers",
        "_status",
        "at",
        "began",
        "id",
        "path",
        "stage",
    )

    def __init__(self, *, largest: int) -> None:
        """`largest` bounds each body, in bytes."""
        self.stage = Stage.BEGUN
        self.id = self.path = self._method = ""
        self.began = self.at = 0.0
        self._largest = largest
        self._cut = False
        self._status = self._heads = 0
        self._request_headers: dict[str, str] = {}
        self._response_headers: dict[str, str] = {}
        self._asked, self._answer = bytearray(), bytearray()

    @property
    def size(self) -> int:
        return self._heads + len(self._asked) + len(self._answer)

    @property
    def is_done(self) -> bool:
        return self.stage in (Stage.WHOLE, Stage.CUT)

    def take(self, message: bytes, at: float) -> None:
        """One part that came at unix time `at`. Raises: Malformed."""
        try:
            part = Part.FromString(message)
        except DecodeError:
            raise Malformed from None  # its text may quote the message
        self.at = at
        match part.WhichOneof("part"):
            case "request_headers" if self.stage is Stage.BEGUN:
                self._heads += len(message)
                self._begin(part.request_headers, at)
            case "request_body" if self.stage in (Stage.ASKED, Stage.ANSWERED):
                self._cut |= not _fill(self._asked, part.request_body.body, self._largest)
            case "response_headers" if self.stage is Stage.ASKED:
                self._heads += len(message)
                self._answered(part.response_headers)
            case "response_body" if self.stage is Stage.ANSWERED:
                self._more(part.response_body)
            case "response_trailers" if self.stage is Stage.ANSWERED:
                self.stage = Stage.WHOLE
            case None:  # a kind of part that is not read here
                pass
            case _:
                raise Malformed

    def exchange(
        self, *, environment: str, release: str, unit: int | None = None, stratum: str = "", late: bool = False
    ) -> Exchange:
        """What came. `late`: it was not waited for the rest."""
        return Exchange(
            id=self.id,
            at=self.at,
            began=self.began,
            environment=environment,
            release=release,
            method=self._method,
            path=self.path,
            request_headers=self._request_headers,
            request_body=bytes(self._asked),
            status=self._status,
            response_headers=self._response_headers,
            response_body=bytes(self._answer),
            cut=self._cut or late,
            is_whole=self.is_done or late,
            unit=unit,
            stratum=stratum,
        )

    def _begin(self, head: Head, at: float) -> None:
        said = _merged(head)
        self._method, self.path = said.get(":method", ""), said.get(":path", "")
        self.id, self.began = said.get("x-request-id", ""), at
        if not (self.id and self.path and self._method):
            raise Malformed
        self._request_headers = _plain(said)
        if (authority := said.get(":authority")) is not None:
            self._request_headers["host"] = authority
        self.stage = Stage.ASKED

    def _answered(self, head: Head) -> None:
        said = _merged(head)
        status = said.get(":status", "")
        if not (status.isascii() and status.isdigit() and len(status) == 3):
            raise Malformed
        self._status = int(status)
        self._response_headers = _plain(said)
        self.stage = Stage.WHOLE if head.end_of_stream else Stage.ANSWERED

    def _more(self, body: Body) -> None:
        if not _fill(self._answer, body.body, self._largest):
            self._cut, self.stage = True, Stage.CUT
        elif body.end_of_stream:
            self.stage = Stage.WHOLE


def _fill(held: bytearray, more: bytes, largest: int) -> bool:
    """Whether it fitted in whole."""
    room = largest - len(held)
    held += more[:room]
    return len(more) <= room


def _merged(head: Head) -> dict[str, str]:
    """Names in small letters; several values of one name are joined as HTTP joins them (RFC 9110, 5.3; RFC 9113, 8.2.3)."""
    said: dict[str, str] = {}
    for name, value in _each(head.headers.headers):
        if name in said:
            value = said[name] + ("; " if name == _COOKIE else ", ") + value  # noqa: PLW2901 -- the joined one
        said[name] = value
    return said


def _each(headers: Sequence[Header]) -> Iterator[tuple[str, str]]:
    for header in headers:
        raw = header.raw_value or header.value
        yield header.key.decode("utf-8", "surrogateescape").lower(), raw.decode("utf-8", "surrogateescape")


def _plain(said: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in said.items() if not name.startswith(_PSEUDO)}
