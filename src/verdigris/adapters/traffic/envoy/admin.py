"""Envoy's admin interface over its Unix socket: what is in force, what is live, and the words to drain and to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from verdigris.adapters.traffic.envoy.bootstrap import STAT_PREFIX
from verdigris.adapters.traffic.envoy.clusters import COLLECTOR
from verdigris.core.model.errors import TrafficError

_LOG_STATS = "access_logs.open_telemetry_access_log"
_TIMEOUT = 2.0


class Unreachable(TrafficError):
    """The admin socket does not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Admin:
    """Speaks to the Envoy behind `socket`. Every method raises Unreachable when it does not answer."""

    socket: str

    async def ready(self) -> bool:
        """Whether Envoy has its first configuration and serves."""
        return (await self._ask("GET", "/ready")).status_code == 200

    async def route_dump(self) -> dict[str, Any]:
        """The dynamic route configuration in force with its `version_info`; empty when there is none."""
        reply = await self._ask("GET", "/config_dump?resource=dynamic_route_configs")
        if reply.status_code != 200:
            return {}
        configs = self._document(reply).get("configs", [])
        return dict(configs[0]) if configs else {}

    async def live(self, names: frozenset[str]) -> dict[str, tuple[int, int]]:
        """Requests and connections per environment; an upgraded WebSocket counts as a request."""
        stats = await self._stats(r"^cluster\..*\.upstream_(rq|cx)_active$")
        return {
            name: (
                stats.get(f"cluster.{name}.upstream_rq_active", 0),
                stats.get(f"cluster.{name}.upstream_cx_active", 0),
            )
            for name in names
        }

    async def open_requests(self) -> int:
        """Requests from clients that are not answered in full, whatever they are for."""
        name = f"http.{STAT_PREFIX}.downstream_rq_active"
        return (await self._stats(f"^{name.replace('.', '[.]')}$")).get(name, 0)

    async def log_stats(self) -> tuple[int, int, int]:
        """Access log entries acknowledged and dropped since Envoy began, and its connections to the receiver now."""
        receiver = f"cluster.{COLLECTOR}.upstream_cx_active"
        stats = await self._stats(r"^access_logs\..*\.logs_|collector\.upstream_cx_active$")
        return (
            stats.get(f"{_LOG_STATS}.logs_written", 0),
            stats.get(f"{_LOG_STATS}.logs_dropped", 0),
            stats.get(receiver, 0),
        )

    async def copies_refused(self) -> int:
        """Copies since Envoy began that nobody took: too many at once, or no receiver."""
        name = f"http.{STAT_PREFIX}.ext_proc.streams_failed"
        return (await self._stats(f"^{name.replace('.', '[.]')}$")).get(name, 0)

    async def stop_listening(self) -> None:
        """No new connections; open ones are told to close after their request."""
        await self._ask("POST", "/healthcheck/fail")
        await self._ask("POST", "/drain_listeners")

    async def _stats(self, pattern: str) -> dict[str, int]:
        reply = await self._ask("GET", "/stats", params={"filter": pattern, "format": "json"})
        return {stat["name"]: int(stat["value"]) for stat in self._document(reply).get("stats", []) if "name" in stat}

    def _document(self, reply: httpx2.Response) -> dict[str, Any]:
        try:
            return dict(reply.json())
        except (ValueError, TypeError) as error:
            raise Unreachable(f"Envoy's admin socket {self.socket} answered with what is no JSON object") from error

    async def _ask(self, method: str, path: str, params: dict[str, str] | None = None) -> httpx2.Response:
        transport = httpx2.AsyncHTTPTransport(uds=self.socket, verify=False)  # a Unix socket: no TLS
        client = httpx2.AsyncClient(transport=transport, base_url="http://envoy", timeout=_TIMEOUT, trust_env=False)
        try:
            async with client:
                return await client.request(method, path, params=params)
        except httpx2.HTTPError as error:
            raise Unreachable(f"Envoy's admin socket {self.socket} does not answer: {error}") from error
