"""Quantities as people write them: durations, percentages, money, addresses; and back into words.

All parsers take text and raise Wrong, whose message never repeats the text.
"""

from __future__ import annotations

import re

from verdigris.spec.wrong import Wrong

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")
DURATION_PATTERN = rf"^(0|({_NUMBER}(ms|s|m|h|d))+)$"
PERCENT_PATTERN = rf"^{_NUMBER} ?%$"
SIZE_PATTERN = rf"^{_NUMBER} ?(B|[kKMGT]i?B)$"
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
LONGEST = 366 * 86_400.0
_LARGEST_PORT = 65_535


def parse_duration(text: str) -> float:
    """Seconds from `500ms`, `90s`, `15m`, `2h`, `1d` or `1h30m`; a bare `0` is allowed, other bare numbers are not."""
    text = text.strip()
    if not re.match(DURATION_PATTERN, text):
        if re.fullmatch(_NUMBER, text):
            raise Wrong(
                "has no unit", hint=f"write {text}s, {text}m or {text}h" if len(text) < 5 else "write 90s or 15m"
            )
        raise Wrong("is not a duration", hint="write a number and a unit, such as 500ms, 90s, 15m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds > LONGEST:
        raise Wrong("is longer than a year", hint="a rollout that long decides nothing")
    return seconds


def parse_percent(text: str) -> float:
    """Percent from `10%` or `0.5%`; a number without the sign is refused, for 0.5 could mean two things."""
    text = text.strip()
    if re.match(PERCENT_PATTERN, text):
        return float(text.rstrip("% "))
    number = _number(text)
    if number is None:
        raise Wrong("is not a percentage", hint="write a number with a percent sign, such as 10% or 0.5%")
    meant = number * 100 if 0 < number < 1 else number
    raise Wrong("has no percent sign", hint=f"write {meant:g}%")


def parse_money(text: str) -> float:
    """US dollars from `0.02`, `0.02 USD` or `$0.02`."""
    number = _number(re.sub(r"(?i)^\$ ?| ?usd$", "", text.strip()))
    if number is None:
        raise Wrong("is not an amount of money", hint="write US dollars, such as 0.02 or 0.02 USD")
    return number


def parse_rate(text: str) -> float:
    """How many a second from `20/min`, `5/s` or `1000/h`; a number without a unit of time is refused."""
    found = re.fullmatch(rf"({_NUMBER}) ?/ ?(s|m|min|h|d)", text.strip())
    if found is None:
        said = "has no unit of time" if _number(text.strip()) is not None else "is not a rate"
        raise Wrong(said, hint="write 20/min, 5/s or 1000/h")
    if not float(found[1]):
        raise Wrong("is no traffic at all", hint="write 20/min, 5/s or 1000/h")
    return float(found[1]) / _SECONDS[found[2][0]]


def parse_size(text: str) -> int:
    """Bytes from `256KiB`, `1GiB`, `10MB` or `512B`; a bare number is refused."""
    found = re.fullmatch(rf"({_NUMBER}) ?([kKMGT]i?)?B", text.strip())
    if found is None:
        said = "has no unit" if _number(text.strip()) is not None else "is not a size"
        raise Wrong(said, hint="write a number and a unit, such as 256KiB or 1GiB")
    unit = found[2] or ""
    return round(float(found[1]) * _BYTES["k" if unit == "K" else "Ki" if unit == "ki" else unit])


def format_size(size: int) -> str:
    """`256KiB`, `1GiB`, `1.5MiB`."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if size >= _BYTES[unit]:
            return f"{size / _BYTES[unit]:.4g}{unit}B"
    return f"{size}B"


def parse_number(text: str) -> float:
    """A plain number, not negative."""
    number = _number(text.strip())
    if number is None:
        raise Wrong("is not a number", hint="write digits, such as 0.7")
    return number


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port from `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every address) or `8080` (loopback)."""
    host, _, port = text.strip().rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 <= int(port) <= _LARGEST_PORT:
        raise Wrong("is not an address to listen on", hint="write host:port, such as 127.0.0.1:8080")
    if not host:
        return ("0.0.0.0" if ":" in text else "127.0.0.1"), int(port)  # noqa: S104 -- what `:8080` means everywhere
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if bare == host and ":" in host:
        raise Wrong("is not an address to listen on", hint="an IPv6 address stands in brackets, such as [::1]:8080")
    if re.search(r"[\s/@\[\]]", bare):
        raise Wrong("is not an address to listen on", hint="write host:port, such as 127.0.0.1:8080")
    return bare, int(port)


def format_listen(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def format_duration(seconds: float) -> str:
    """`500ms`, `1.5s`, `42s`, `15m`, `1h30m`, `2d`: at most two units, rounded to what a reader needs."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms" if seconds else "0s"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f}s"
    left = round(seconds)
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        size = round(_SECONDS[unit])
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
        elif parts:
            break
    return "".join(parts[:2])


def format_percent(percent: float) -> str:
    """`10%`, `0.5%`."""
    return f"{percent:.4g}%"


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(_NUMBER, text) else None
