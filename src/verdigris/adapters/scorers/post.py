"""One JSON POST to an address that a scorer asks: bounded in size, and whatever goes wrong has its name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from verdigris.core.model.score import Trouble

_LONGEST_WAIT = 60.0  # seconds that a Retry-After may ask for
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class NoAnswer(Exception):
    """`reason` holds nothing of what was asked or answered, and no key. `was_sent` is False where nobody can have heard the question."""

    def __init__(
        self, trouble: Trouble, reason: str, *, again_after: float | None = None, was_sent: bool = True
    ) -> None:
        super().__init__(reason)
        self.was_sent = was_sent
        self.trouble = trouble
        self.reason = reason
        self.again_after = again_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """An answer of HTTP 200."""

    content_type: str
    body: bytes


@dataclass(kw_only=True, slots=True)
class Post:
    """Asks what is called `of` in reasons. Time is bounded by the caller, an answer by `largest` bytes."""

    of: str
    largest: int
    _client: httpx2.AsyncClient | None = field(default=None, repr=False)

    async def ask(self, url: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answered:
        """Raises: NoAnswer."""
        try:
            async with self._open().stream("POST", url, json=body, headers=dict(headers)) as reply:
                self._check(reply)
                return Answered(content_type=reply.headers.get("content-type", ""), body=await self._whole(reply))
        except (*_NOT_SENT, httpx2.InvalidURL) as error:
            reason = f"{self.of} cannot be reached: {type(error).__name__}"
            raise NoAnswer(Trouble.UNREACHABLE, reason, was_sent=False) from error
        except httpx2.TimeoutException as error:
            raise NoAnswer(Trouble.TIMEOUT, f"{self.of} did not answer in time") from error
        except httpx2.HTTPError as error:
            raise NoAnswer(Trouble.UNREACHABLE, f"{self.of} cannot be reached: {type(error).__name__}") from error

    def _check(self, reply: httpx2.Response) -> None:
        status = reply.status_code
        if status == httpx2.codes.OK:
            return
        if status == httpx2.codes.TOO_MANY_REQUESTS:
            again = _seconds(reply.headers.get("retry-after"))
            raise NoAnswer(Trouble.THROTTLED, f"{self.of} answers HTTP 429", again_after=again)
        raise NoAnswer(_trouble(status), f"{self.of} answers HTTP {status}")

    async def _whole(self, reply: httpx2.Response) -> bytes:
        pieces, size = [], 0
        async for piece in reply.aiter_bytes():
            size += len(piece)
            if size > self.largest:
                raise NoAnswer(Trouble.UNREADABLE, f"the answer of {self.of} is larger than {self.largest} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            timeout = httpx2.Timeout(600.0, connect=10.0)
            self._client = httpx2.AsyncClient(timeout=timeout, trust_env=False)
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def is_address(url: str) -> bool:
    """Whether it begins with http:// or https:// and names a host, so that something could be sent there."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return bool(parts.scheme in ("http", "https") and parts.hostname and port != 0 and not re.search(r"\s", url))


def _trouble(status: int) -> Trouble:
    """What succeeded in another way than 200 was worked on, and may cost money."""
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return Trouble.UNREACHABLE
    return Trouble.UNREADABLE if 200 <= status < 300 else Trouble.REFUSED


def bearer(variable: str) -> dict[str, str]:
    """The header with the key that an environment variable holds now; none where it is not set."""
    key = os.environ.get(variable, "") if variable else ""
    return {"authorization": f"Bearer {key}"} if key else {}


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After header, in its form of seconds (RFC 9110, section 10.2.3)."""
    try:
        return min(max(0.0, float(text)), _LONGEST_WAIT) if text is not None else None
    except ValueError:
        return None
