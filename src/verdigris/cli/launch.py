"""What `up` is to run: flags over environment over file over defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from verdigris.core.model.errors import ConfigError
from verdigris.core.model.service import Service
from verdigris.settings import (
    LOOPBACK,
    Settings,
    SmallController,
    read_log_level,
    read_small_controller,
    read_state,
    read_token,
)
from verdigris.spec.load import DEFAULT_FILE, Loaded, from_urls, listening, load
from verdigris.spec.units import format_listen

ANY_PORT = f"{LOOPBACK}:0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One service, how the process runs, and what its owner should know before it does."""

    service: Service
    settings: Settings
    notes: tuple[str, ...] = ()


def make_launch(
    environ: Mapping[str, str],
    *,
    file: str | None,
    blue: str | None,
    green: str | None,
    listen: str | None,
    api_listen: str | None,
    state: Path | None,
) -> Launch:
    """Raises: ConfigError."""
    if file is not None and (blue is not None or green is not None):
        raise ConfigError("--file stands beside --blue or --green", hint="give a file or two URLs, not both")
    if (blue is None) != (green is None):
        missing = "--green" if green is None else "--blue"
        raise ConfigError(f"{missing} is missing", key=missing, hint="a rollout passes from one URL to the other")
    settings = Settings(
        state=state or read_state(environ), token=read_token(environ), log_level=read_log_level(environ)
    )
    if file is None and blue is None and (small := read_small_controller(environ)) is not None:
        return _small(small, settings, listen=listen, api_listen=api_listen)
    if blue is not None and green is not None:
        loaded = from_urls(blue=blue, green=green)
    else:
        loaded = load(file or DEFAULT_FILE, environ=environ)
        if loaded.service.quality is not None:
            from verdigris.assemble.declared import check_declared  # noqa: PLC0415 -- plugs are loaded where some are named

            loaded = replace(loaded, warnings=(*loaded.warnings, *check_declared(loaded)))
    return _launch(listening(loaded, gateway=listen, api=api_listen), settings)


def _launch(loaded: Loaded, settings: Settings) -> Launch:
    return Launch(
        service=loaded.service,
        settings=replace(
            settings,
            api_host=loaded.api_host,
            api_port=loaded.api_port,
            token=settings.token or loaded.api_token,
        ),
        notes=tuple(f"warning: {warning}" for warning in loaded.warnings),
    )


def _small(small: SmallController, settings: Settings, *, listen: str | None, api_listen: str | None) -> Launch:
    """One port for the app's traffic and for /deploy: the API's own address is private and chosen at start."""
    if listen is not None or api_listen is not None:
        raise ConfigError(
            "--listen and --api-listen say two addresses, but BLUE_URL and GREEN_URL ask for one port",
            hint="set CONTROLLER_PORT, or give --blue and --green in place of the variables",
        )
    loaded = from_urls(blue=small.blue_url, green=small.green_url)
    service = listening(loaded, gateway=format_listen(small.host, small.port), api=ANY_PORT).service
    settings = replace(settings, api_host=small.host, api_port=small.port, token=small.token, single_port=True)
    notes = [f"BLUE_URL and GREEN_URL are set: one port, {small.host}:{small.port}, serves the app and /deploy"]
    if small.token is None:
        notes.append("warning: ADMIN_TOKEN is not set, so only this machine is served")
    if Path(DEFAULT_FILE).exists():
        notes.append(f"warning: {DEFAULT_FILE} is not read; -f {DEFAULT_FILE} reads it in their place")
    return Launch(service=service, settings=settings, notes=tuple(notes))
