"""What the Envoy driver is told, and where its files lie."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.service import Telemetry
from verdigris.core.model.split import Sticky
from verdigris.core.model.strata import StrataBy

_LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


@dataclass(frozen=True, kw_only=True, slots=True)
class Forward:
    """Requests whose path starts with `prefix` go to `address` (`host:port`), not to an environment."""

    prefix: str
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvoyOptions:
    """How one service's Envoy runs.

    `timeout` is the longest silence in seconds on a request, whichever side is silent. `collector` is where access logs
    go: a socket's path or `host:port`; without it nothing is measured. `sticky` tells which key to log; what sticks is
    said by each Split. `sampler` is where copies of requests go, a socket's path or `host:port`; without it nothing can be copied. Requests
    to a path that begins (by segment) with one of `uncopied` are neither copied nor mirrored. `mirrors` makes room for mirroring. `strata` tells what to log of a request's kind. `forwards` go past the split, for the controller's own routes. `concurrency` counts worker threads
    (default: the cores of this machine). `executable` is another Envoy than the wheel's.
    """

    service: str
    environments: tuple[Environment, ...]
    state: Path
    host: str = "127.0.0.1"
    port: int = 8080
    timeout: float = 120.0
    sticky: Sticky | None = None
    telemetry: Telemetry = field(default_factory=Telemetry)
    strata: tuple[StrataBy, ...] = ()
    collector: str | None = None
    sampler: str | None = None
    uncopied: tuple[str, ...] = ()
    mirrors: bool = False
    forwards: tuple[Forward, ...] = ()
    concurrency: int | None = None
    executable: str | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(environment.name for environment in self.environments)

    @property
    def clusters_file(self) -> Path:
        return self.state / "clusters.json"

    @property
    def routes_file(self) -> Path:
        return self.state / "routes.json"

    @property
    def bootstrap_file(self) -> Path:
        return self.state / "bootstrap.json"

    @property
    def record_file(self) -> Path:
        return self.state / "envoy.run"

    @property
    def former_file(self) -> Path:
        """The run record of an Envoy that is being replaced."""
        return self.state / "envoy.former.run"

    @property
    def log_file(self) -> Path:
        return self.state / "envoy.log"


def socket_path(state: Path, name: str) -> str:
    """Where a Unix socket of this state directory lies: inside it, or, when that is too long for a socket, in a private
    folder named by a digest of it under the system's temporary directory.

    Raises: ConfigError when that folder belongs to somebody else.
    """
    inside = str(state.absolute() / name)
    if len(inside.encode()) <= _LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(str(state.absolute()).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"verdigris-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise ConfigError(f"{folder} belongs to somebody else", hint="choose a shorter state directory")
    return str(folder / name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """An environment's URL taken apart."""

    host: str
    port: int
    tls: bool


def target(url: str) -> Target:
    """Raises: ConfigError for anything but `http(s)://host[:port]`."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1 or parts.path not in ("", "/"):
        raise ConfigError(f"{url!r} is not a URL of an environment", hint="write http://host:port, without a path")
    tls = parts.scheme == "https"
    return Target(host=parts.hostname, port=port or (443 if tls else 80), tls=tls)
