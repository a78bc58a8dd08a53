"""Is anybody there? Asks the environment's ready or health path, or opens a TCP connection where it names none."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from verdigris.core.model.environment import Environment
from verdigris.ports import CheckResult


@dataclass(frozen=True, kw_only=True, slots=True)
class Reachable:
    """Passes on a 2xx answer within `timeout` seconds."""

    timeout: float = 5.0

    async def run(self, environment: Environment) -> CheckResult:
        path = environment.ready or environment.health
        try:
            if path is None:
                return await self._connect(environment)
            return await self._ask(environment, path)
        except (OSError, TimeoutError, ValueError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            text = str(error) or type(error).__name__
            return CheckResult(passed=False, reason=f"{environment.name} at {environment.url} does not answer: {text}")

    async def _connect(self, environment: Environment) -> CheckResult:
        parts = urlsplit(environment.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        async with asyncio.timeout(self.timeout):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
        return CheckResult(passed=True, reason=f"{environment.name} accepts connections at {environment.url}")

    async def _ask(self, environment: Environment, path: str) -> CheckResult:
        async with httpx2.AsyncClient(timeout=self.timeout, trust_env=False) as client:
            response = await client.get(environment.url.rstrip("/") + path)
        passed = response.is_success
        return CheckResult(passed=passed, reason=f"{environment.name} answered {response.status_code} at {path}")
