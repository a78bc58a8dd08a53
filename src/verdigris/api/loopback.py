"""Where the API may listen. Apart from the rest of `api`, so that asking costs no import of a web framework."""

from __future__ import annotations

import ipaddress

from pydantic import SecretStr

from verdigris.core.model.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without port, is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def require_safe_listen(host: str, token: SecretStr | str | None) -> None:
    """Raises: ConfigError when the API would listen beyond this machine without a token."""
    secret = token.get_secret_value() if isinstance(token, SecretStr) else token
    if not (secret or "").strip() and not is_loopback(host):
        raise ConfigError(
            f"the API may not listen on {host or 'all addresses'!r} without an admin token",
            hint="set VERDIGRIS_TOKEN to a long random text, or listen on 127.0.0.1",
        )
