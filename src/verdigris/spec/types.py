"""The document's value types: text in the file, numbers in the model, a pattern in the JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from verdigris.core.model.metric import Margin
from verdigris.spec.units import (
    DURATION_PATTERN,
    PERCENT_PATTERN,
    SIZE_PATTERN,
    format_listen,
    format_size,
    parse_duration,
    parse_listen,
    parse_money,
    parse_number,
    parse_percent,
    parse_size,
)
from verdigris.spec.wrong import Wrong

NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
_GATEWAY_HEADERS = frozenset({"x-request-id", "x-deploy-env", "x-release-id", "x-shadow"})
_GATEWAY_PREFIX = "x-verdigris-"


class Doc(BaseModel):
    """A mapping of the file. Unknown keys are errors; what is left out takes the model's default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _text(value: Any, wanted: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Wrong("has no value" if value is None else f"holds several values where {wanted} should stand")


def _seconds(value: Any) -> float:
    return parse_duration(_text(value, "a duration"))


def _positive_seconds(value: Any) -> float:
    seconds = _seconds(value)
    if seconds <= 0:
        raise Wrong("leaves no time", hint="write a duration above 0, or leave the key out")
    return seconds


def _weight(value: Any) -> float:
    weight = parse_percent(_text(value, "a percentage"))
    if not 0 < weight <= 100:
        raise Wrong("is not a weight", hint="a weight lies above 0% and at most at 100%")
    if round(weight, 2) != weight:
        raise Wrong("is finer than the split can be", hint="two decimals at most, such as 0.25%")
    return weight


def _rate(value: Any) -> float:
    percent = parse_percent(_text(value, "a percentage"))
    if percent > 100:
        raise Wrong("is more than all requests", hint="a rate lies between 0% and 100%")
    return percent / 100


def _some(value: Any) -> float:
    rate = _rate(value)
    if not rate:
        raise Wrong("is nothing at all", hint="write a rate above 0%, or take the key above it out")
    return rate


def _part(value: Any) -> float:
    rate = _rate(value)
    if rate >= 1:
        raise Wrong("leaves nothing else", hint="write a part below 100%, such as 10%")
    return rate


def _points(value: Any) -> Margin:
    return Margin(absolute=_rate(value))


def _score(value: Any) -> float:
    text = _text(value, "a score")
    score = parse_percent(text) / 100 if "%" in text else parse_number(text)
    if score > 1:
        raise Wrong("is above the best score", hint="quality lies between 0 and 1; write 0.7 or 70%")
    return score


def _score_margin(value: Any) -> Margin:
    text = _text(value, "a margin")
    if "%" in text:
        share = parse_percent(text) / 100
        if share > 1:
            raise Wrong("is more than all of stable's quality", hint="write a part of it, such as 10%")
        return Margin(relative=share)
    score = parse_number(text)
    if score > 1:
        raise Wrong("is more than the whole scale", hint=f"write {text}% of stable's quality, or points such as 0.05")
    return Margin(absolute=score)


def _money(value: Any) -> float:
    return parse_money(_text(value, "an amount"))


def _money_margin(value: Any) -> Margin:
    text = _text(value, "a margin")
    return Margin(relative=parse_percent(text) / 100) if "%" in text else Margin(absolute=parse_money(text))


def _time_margin(value: Any) -> Margin:
    text = _text(value, "a margin")
    return Margin(relative=parse_percent(text) / 100) if "%" in text else Margin(absolute=_seconds(text))


def _name(value: Any) -> str:
    text = _text(value, "a name")
    if not re.match(NAME_PATTERN, text):
        raise Wrong("is not a name", hint="1 to 40 small letters, digits and hyphens, such as blue or summarizer-eu")
    return text


def _listen(value: Any) -> str:
    return format_listen(*parse_listen(_text(value, "an address")))


def _origin(value: Any) -> str:
    """Scheme, host and port of a URL; nothing else may be in it."""
    text = _text(value, "a URL")
    hint = "write scheme, host and port, such as http://127.0.0.1:3001"
    parts, port = _split(text, hint)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s,{}]", parts.netloc):
        raise Wrong("is not an http or https URL", hint=hint)
    if "@" in parts.netloc:
        raise Wrong("holds a user or password", hint="credentials do not belong into an environment's URL")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Wrong("holds more than scheme, host and port", hint="each request brings its own path")
    return f"{parts.scheme}://{format_listen(parts.hostname, port)}"


def _split(text: str, hint: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Wrong("is not a URL", hint=hint) from None
    if port == 0:
        raise Wrong("has port 0", hint=hint)
    return parts, port or (443 if parts.scheme == "https" else 80)


def _request_path(value: Any) -> str:
    text = _text(value, "a path")
    if not re.fullmatch(r"/[!-~]{0,1000}", text) or "#" in text:
        raise Wrong("is not a path", hint="begin with a slash, such as /health")
    return text


def _path_prefix(value: Any) -> str:
    path = _request_path(value)
    if "?" in path:
        raise Wrong("holds a question mark", hint="write the beginning of the path only, such as /api/chat")
    return path


def _size(least: int, most: int) -> Callable[[Any], int]:
    def size(value: Any) -> int:
        found = parse_size(_text(value, "a size"))
        if not least <= found <= most:
            raise Wrong("is out of bounds", hint=f"write a size from {format_size(least)} to {format_size(most)}")
        return found

    return size


def _pattern(value: Any) -> str:
    """A regular expression of Python's `re` that finds something."""
    text = _text(value, "a regular expression")
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Wrong(f"is no regular expression: {error}", hint="write it as for Python, in single quotes") from None
    if compiled.fullmatch(""):
        raise Wrong("matches the empty text, so it would be found everywhere", hint="ask for one character at least")
    return text


def _token(value: Any) -> str:
    """A header or cookie name: a token of RFC 9110, section 5.6.2."""
    text = _text(value, "a name")
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", text):
        raise Wrong("is not a name of a header or cookie", hint="letters, digits and hyphens, such as x-user-id")
    return text


def _sticky_header(value: Any) -> str:
    """A header that reaches the split as the client sent it."""
    text = _token(value)
    if "%" in text:
        raise Wrong("holds a percent sign", hint="letters, digits and hyphens, such as x-user-id")
    if "_" in text:
        raise Wrong("never arrives: headers with an underscore are dropped", hint=f"send {text.replace('_', '-')}")
    return _own_header(text)


def _own_header(value: Any) -> str:
    text = _token(value)
    if text.lower() in _GATEWAY_HEADERS or text.lower().startswith(_GATEWAY_PREFIX):
        raise Wrong("is a header the gateway sets or removes itself", hint="choose one of your own, such as x-user-id")
    return text


def _sticky_cookie(value: Any) -> str:
    text = _token(value)
    if "%" in text:
        raise Wrong("holds a percent sign", hint="letters, digits and hyphens, such as x-user-id")
    return text


def _word(value: Any) -> str:
    text = _text(value, "a value").strip()
    if not text or len(text) > 1_000:
        raise Wrong("is empty or longer than 1,000 characters")
    return text


_DURATION = Annotated[str, Field(pattern=DURATION_PATTERN, examples=["15m", "90s", "1h30m"])]
_SIZE = Annotated[str, Field(pattern=SIZE_PATTERN, examples=["256KiB", "1GiB"])]
_PERCENT = Annotated[str, Field(pattern=PERCENT_PATTERN, examples=["10%"])]

Duration = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=_DURATION)]
PositiveDuration = Annotated[float, BeforeValidator(_positive_seconds, json_schema_input_type=_DURATION)]
Weight = Annotated[float, BeforeValidator(_weight, json_schema_input_type=_PERCENT)]
Rate = Annotated[float, BeforeValidator(_rate, json_schema_input_type=_PERCENT)]
Points = Annotated[Margin, BeforeValidator(_points, json_schema_input_type=_PERCENT)]
Score = Annotated[float, BeforeValidator(_score, json_schema_input_type=float | _PERCENT)]
ScoreMargin = Annotated[Margin, BeforeValidator(_score_margin, json_schema_input_type=float | _PERCENT)]
Money = Annotated[float, BeforeValidator(_money, json_schema_input_type=float | str)]
MoneyMargin = Annotated[Margin, BeforeValidator(_money_margin, json_schema_input_type=float | str)]
TimeMargin = Annotated[Margin, BeforeValidator(_time_margin, json_schema_input_type=_PERCENT | _DURATION)]
Some = Annotated[float, BeforeValidator(_some, json_schema_input_type=_PERCENT)]
Part = Annotated[float, BeforeValidator(_part, json_schema_input_type=_PERCENT)]
Pattern = Annotated[str, BeforeValidator(_pattern, json_schema_input_type=str)]
Name = Annotated[str, BeforeValidator(_name, json_schema_input_type=Annotated[str, Field(pattern=NAME_PATTERN)])]
Listen = Annotated[str, BeforeValidator(_listen, json_schema_input_type=str | int)]
Origin = Annotated[str, BeforeValidator(_origin, json_schema_input_type=Annotated[str, Field(pattern="^https?://")])]
RequestPath = Annotated[str, BeforeValidator(_request_path, json_schema_input_type=Annotated[str, Field(pattern="^/")])]
PathPrefix = Annotated[
    str, BeforeValidator(_path_prefix, json_schema_input_type=Annotated[str, Field(pattern=r"^/[^?]*$")])
]
StickyHeader = Annotated[str, BeforeValidator(_sticky_header, json_schema_input_type=str)]
HeaderName = Annotated[str, BeforeValidator(_own_header, json_schema_input_type=str)]
StickyCookie = Annotated[str, BeforeValidator(_sticky_cookie, json_schema_input_type=str)]
Word = Annotated[str, BeforeValidator(_word, json_schema_input_type=str | float)]
BodySize = Annotated[int, BeforeValidator(_size(1 << 10, 16 << 20), json_schema_input_type=_SIZE)]
StoreSize = Annotated[int, BeforeValidator(_size(1 << 20, 1 << 40), json_schema_input_type=_SIZE)]
