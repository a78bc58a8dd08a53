"""Trying an environment's URL once, the way its health will be asked for."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from verdigris.core.model.environment import Environment

PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What came of one try; `problem` is empty when all is well."""

    environment: str
    asked: str
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.environment} does not answer at {self.asked}: {self.problem}"


def probe_all(environments: Sequence[Environment]) -> list[Probe]:
    """Each path of each environment by GET, or a TCP connection where it names none."""
    return [
        result
        for environment in environments
        for result in (
            [_get(environment, path) for path in (environment.health, environment.ready) if path]
            or [_connect(environment)]
        )
    ]


def _get(environment: Environment, path: str) -> Probe:
    url = environment.url + path
    try:
        status = httpx2.get(url, timeout=PATIENCE, trust_env=False).status_code
    except httpx2.HTTPError as error:
        return Probe(environment=environment.name, asked=url, problem=str(error) or type(error).__name__)
    return Probe(environment=environment.name, asked=url, problem="" if 200 <= status < 300 else f"status {status}")


def _connect(environment: Environment) -> Probe:
    parts = urlsplit(environment.url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE):
            return Probe(environment=environment.name, asked=environment.url)
    except OSError as error:
        return Probe(environment=environment.name, asked=environment.url, problem=error.strerror or str(error))
