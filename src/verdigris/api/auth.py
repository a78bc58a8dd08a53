"""Who may ask: one admin token, compared in constant time; without one, only this machine itself.

The guard stands before everything else, so nothing of a request is read before its caller is known. Without a token
the address of the caller proves nothing about a browser's page, so there a Host that is not this machine (DNS
rebinding) and an Origin that is another site (forged requests) are refused.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from verdigris.api import problems
from verdigris.api.loopback import is_loopback
from verdigris.core.model.errors import Forbidden, RequestError, Unauthorized

LONGEST_ACTOR = 64
"""Characters of a claimed name that are kept."""

OPEN_PATHS = frozenset({"/health", "/ready"})
"""Answered to anybody, with nothing but ok or not ok."""

TOKEN_ONLY = "/deploy/"  # noqa: S105 -- a path
"""Below this path a token is asked for even on loopback."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_QUIET = 10.0

_log = logging.getLogger(__name__)


# ------------------------------------------------------------------ the token


@dataclass(frozen=True, slots=True)
class Token:
    """What the admin token is compared with: only its digest is kept, so that nothing can print it."""

    digest: bytes | None = field(repr=False)

    @classmethod
    def of(cls, token: SecretStr | str | None) -> Token:
        """An empty token is none."""
        secret = _bytes(token)
        return cls(digest=_digest(secret) if secret else None)

    @property
    def exists(self) -> bool:
        return self.digest is not None

    def opens(self, given: bytes) -> bool:
        """Takes the same time wherever and however much `given` differs."""
        return self.digest is not None and hmac.compare_digest(_digest(given), self.digest)


def _bytes(token: SecretStr | str | None) -> bytes:
    text = token.get_secret_value() if isinstance(token, SecretStr) else token or ""
    return text.strip().encode()


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _given(headers: Headers) -> list[bytes]:
    """The tokens a request carries, in either header. Header bytes are kept as they came: a token may be any UTF-8."""
    given = [value.strip().encode("latin-1") for value in headers.getlist("x-admin-token")]
    for value in headers.getlist("authorization"):
        scheme, _, token = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            given.append(token.strip().encode("latin-1"))
    return given


# ------------------------------------------------------------------ the guard


@dataclass(slots=True)
class Refusals:
    """Says in the log that tokens are refused, at most once in a while and never which."""

    clock: Callable[[], float] = time.monotonic
    count: int = 0
    told_at: float = float("-inf")

    def note(self, peer: str) -> None:
        now = self.clock()
        self.count += 1
        if now - self.told_at < _QUIET:
            return
        _log.warning("refused %d request(s) without a valid token, the last from %s", self.count, peer)
        self.count, self.told_at = 0, now


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware that lets known callers through and leaves in the request's state who asks.

    `state.actor` is `token:admin` or `local`; a name in the X-Actor header is added as claimed, for it proves nothing.
    `state.trusted` says whether the caller may be told what is wrong inside.
    """

    app: ASGIApp
    token: Token
    refusals: Refusals = field(default_factory=Refusals)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            trusted = self._admit(scope, Headers(scope=scope))
        except RequestError as error:
            if isinstance(error, Unauthorized):
                self.refusals.note((scope.get("client") or ("unknown",))[0])
            await problems.answer_error(error, scope["path"])(scope, receive, send)
            return
        proof = "token:admin" if self.token.exists else "local"
        scope.setdefault("state", {}).update(trusted=trusted, actor=actor(proof, Headers(scope=scope)))
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope, headers: Headers) -> bool:
        """Whether the caller is trusted; raises for whom may not even ask."""
        path: str = scope["path"]
        if self.token.exists:
            trusted = any(self.token.opens(given) for given in _given(headers))
        else:
            _refuse_other_sites(scope["method"], headers)
            trusted = not path.startswith(TOKEN_ONLY)
        if trusted or path in OPEN_PATHS:
            return trusted
        if not self.token.exists:
            raise Unauthorized(
                f"{TOKEN_ONLY}… needs an admin token, and none is set", hint="set ADMIN_TOKEN or VERDIGRIS_TOKEN"
            )
        raise Unauthorized(
            "the admin token is missing or wrong",
            hint="send it as `Authorization: Bearer TOKEN` or `X-Admin-Token: TOKEN`; commands take it from VERDIGRIS_TOKEN",
        )


def _refuse_other_sites(method: str, headers: Headers) -> None:
    host = headers.get("host", "")
    if not is_loopback(_host_name(host)):
        raise Forbidden(
            f"without an admin token only this machine is served, and the Host header says {host[:100]!r}",
            hint="ask 127.0.0.1 or localhost, or set VERDIGRIS_TOKEN",
        )
    origin = headers.get("origin")
    if method not in _READING and origin is not None and origin.lower() != f"http://{host.lower()}":
        raise Forbidden("a page of another site may not change anything here", hint="set VERDIGRIS_TOKEN and send it")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def actor(proof: str, headers: Headers) -> str:
    """Who the event log will name: what was proven, and the name the caller claims."""
    raw = headers.get("x-actor", "").encode("latin-1").decode("utf-8", errors="replace")
    claimed = "".join(letter for letter in raw if letter.isprintable()).strip()[:LONGEST_ACTOR]
    return f"{claimed} (claimed), {proof}" if claimed else proof
