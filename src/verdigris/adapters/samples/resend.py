"""The Resender socket over HTTP: the same request again, past the gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from verdigris.core.model.sample import Exchange
from verdigris.ports import Unanswered

# RFC 9110, section 7.6.1, and what describes the body's way rather than the body.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "expect",
    }
)
_OURS = ("x-shadow", "x-deploy-env", "x-release-id", "x-request-id")
_OUR_PREFIXES = (":", "x-verdigris-", "x-envoy-")
_CONNECT = 5.0
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpResender:
    """Keeps connections open between requests, and nothing else: no cookie that one person was given goes out with another's request.

    No redirect is followed, no proxy asked.
    """

    _opened: list[httpx2.AsyncClient] = field(default_factory=list, init=False, repr=False, compare=False)

    async def send(
        self, exchange: Exchange, *, to: str, headers: Mapping[str, str], patience: float, largest: int
    ) -> Exchange | Unanswered:
        """Never raises."""
        try:
            async with asyncio.timeout(patience):
                return await self._send(exchange, to, headers, largest)
        except TimeoutError:
            return Unanswered(why="timeout", was_sent=True)
        except _NOT_SENT:
            return Unanswered(why="failed", was_sent=False)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
            return Unanswered(why="failed", was_sent=True)

    async def _send(
        self, exchange: Exchange, to: str, headers: Mapping[str, str], largest: int
    ) -> Exchange | Unanswered:
        began, body = time.time(), bytearray()
        url = httpx2.URL(to).copy_with(raw_path=exchange.path.encode("utf-8", "surrogateescape"))
        sent = [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in headers.items()]
        asked = self._client().build_request(
            exchange.method, url, headers=_passed_on(exchange) + sent, content=exchange.request_body or None
        )
        response = await self._client().send(asked, stream=True)
        try:
            async for part in response.aiter_raw():
                body += part
                if len(body) > largest:
                    return Unanswered(why="cut", was_sent=True)
        finally:
            await response.aclose()
        return replace(
            exchange,
            at=time.time(),
            began=began,
            status=response.status_code,
            response_headers={name.lower(): value for name, value in response.headers.items()},
            response_body=bytes(body),
            cut=False,
            is_whole=True,
        )

    def _client(self) -> httpx2.AsyncClient:
        if not self._opened:
            timeout = httpx2.Timeout(None, connect=_CONNECT)
            cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=()))  # takes none
            client = httpx2.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False, cookies=cookies)
            for name in tuple(client.headers):
                del client.headers[name]  # the request travels as it came, not as this client would put it
            self._opened.append(client)
        return self._opened[0]

    async def close(self) -> None:
        while self._opened:
            await self._opened.pop().aclose()


def _passed_on(exchange: Exchange) -> list[tuple[bytes, bytes]]:
    """The request's own headers, its credentials included, and the host it was meant for."""
    given = {name.lower(): value for name, value in exchange.request_headers.items()}
    dropped = _HOP_BY_HOP | {name.strip().lower() for name in given.get("connection", "").split(",")}
    if (host := given.get("host") or given.get(":authority")) is not None:
        given["host"] = host
    return [
        (name.encode("ascii"), value.encode("utf-8", "surrogateescape"))
        for name, value in given.items()
        if name not in dropped and name not in _OURS and not name.startswith(_OUR_PREFIXES)
    ]
