"""Process settings: what a process is told by its environment and its flags, not by verdigris.yaml.

Flags win over the environment, the environment over the file, the file over defaults. Secrets are SecretStr: printing
them shows stars.

    VERDIGRIS_STATE        folder of the store and the data plane's files (./.verdigris)
    VERDIGRIS_API          the API's URL, for commands that ask a running controller (http://127.0.0.1:8090)
    VERDIGRIS_TOKEN        the API's token; or VERDIGRIS_TOKEN_FILE, a file that holds it
    VERDIGRIS_LOG_LEVEL    debug, info, warning or error (info)
    VERDIGRIS_OUTPUT       table, json or yaml: how commands print (table)

    BLUE_URL, GREEN_URL, ADMIN_TOKEN, CONTROLLER_PORT: the small controller's words; one port then serves both the
    app's traffic and /deploy/…
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from verdigris.core.model.errors import ConfigError

DEFAULT_API_URL = "http://127.0.0.1:8090"
DEFAULT_STATE = ".verdigris"
DEFAULT_CONTROLLER_PORT = 3000
LOG_LEVELS = ("debug", "info", "warning", "error")
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 -- chosen only together with a token
_LONGEST_TOKEN = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How one `up` process runs. `single_port`: the API's address serves the app's traffic as well."""

    state: Path = Path(DEFAULT_STATE)
    api_host: str = LOOPBACK
    api_port: int = 8090
    token: SecretStr | None = None
    log_level: str = "info"
    single_port: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallController:
    """The environment of the small controller: two URLs, a token and a port. Without a token it stays on loopback."""

    blue_url: str
    green_url: str
    token: SecretStr | None
    port: int

    @property
    def host(self) -> str:
        return LOOPBACK if self.token is None else EVERYWHERE


def read_state(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("VERDIGRIS_STATE") or DEFAULT_STATE)


def read_log_level(environ: Mapping[str, str]) -> str:
    """Raises: ConfigError."""
    level = (environ.get("VERDIGRIS_LOG_LEVEL") or "info").lower()
    if level not in LOG_LEVELS:
        raise ConfigError(
            "VERDIGRIS_LOG_LEVEL is not a log level", key="VERDIGRIS_LOG_LEVEL", hint=f"one of {', '.join(LOG_LEVELS)}"
        )
    return level


def read_token(environ: Mapping[str, str]) -> SecretStr | None:
    """The API's token: VERDIGRIS_TOKEN, the file VERDIGRIS_TOKEN_FILE names, or ADMIN_TOKEN. Raises: ConfigError."""
    if token := environ.get("VERDIGRIS_TOKEN"):
        return SecretStr(token)
    if file := environ.get("VERDIGRIS_TOKEN_FILE"):
        return _token_in(file)
    return SecretStr(environ["ADMIN_TOKEN"]) if environ.get("ADMIN_TOKEN") else None


def read_small_controller(environ: Mapping[str, str]) -> SmallController | None:
    """The small controller's settings when both URLs are set; None when neither is. Raises: ConfigError."""
    blue, green = environ.get("BLUE_URL", ""), environ.get("GREEN_URL", "")
    if not blue and not green:
        return None
    if not blue or not green:
        there, missing = ("BLUE_URL", "GREEN_URL") if blue else ("GREEN_URL", "BLUE_URL")
        raise ConfigError(f"{there} is set, but {missing} is not", key=missing, hint=f"export {missing} too")
    return SmallController(blue_url=blue, green_url=green, token=read_token(environ), port=_port(environ))


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get("CONTROLLER_PORT") or str(DEFAULT_CONTROLLER_PORT)
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= 65_535):
        raise ConfigError("CONTROLLER_PORT is not a port", key="CONTROLLER_PORT", hint="a number from 1 to 65535")
    return int(text)


def _token_in(file: str) -> SecretStr:
    hint = "VERDIGRIS_TOKEN_FILE names a file that holds the token and nothing else"
    try:
        with Path(file).open(encoding="utf-8") as opened:
            token = opened.read(_LONGEST_TOKEN).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the token file cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}",
            file=file,
            key="VERDIGRIS_TOKEN_FILE",
            hint=hint,
        ) from None
    if not token:
        raise ConfigError("the token file is empty", file=file, key="VERDIGRIS_TOKEN_FILE", hint=hint)
    return SecretStr(token)
