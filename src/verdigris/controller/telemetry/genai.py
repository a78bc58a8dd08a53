"""What is counted, in OpenTelemetry's names for generative AI; the rest in our own. Only requests whose model is known.

Source: the semantic conventions for generative AI. Token usage has two shapes: the histogram `gen_ai.client.token.usage`
of version 1.36, and the counters `gen_ai.client.inference.usage.…` that came after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from verdigris.core.model.meter import Family, Kind, Labels, Point, Spread

SECONDS, TOKEN = "s", "{token}"

_DURATIONS = {
    "request_duration_seconds": "gen_ai.client.operation.duration",
    "time_to_first_byte_seconds": "gen_ai.client.operation.time_to_first_chunk",
}
_COUNTERS = {
    "input": "gen_ai.client.inference.usage.input_tokens",
    "output": "gen_ai.client.inference.usage.output_tokens",
    "cache_read": "gen_ai.client.inference.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.client.inference.usage.cache_write.input_tokens",
    "reasoning": "gen_ai.client.inference.usage.reasoning.output_tokens",
}
_SIZES = {
    "input": "gen_ai.client.inference.operation.input_tokens",
    "output": "gen_ai.client.inference.operation.output_tokens",
}
_ATTRIBUTES = {"model": "gen_ai.response.model", "provider": "gen_ai.provider.name", "type": "gen_ai.token.type"}


def exported(families: Sequence[Family], sizes: Family, *, latest: bool) -> tuple[Family, ...]:
    """Everything that is pushed. `latest` chooses the counters of tokens in place of the histogram."""
    ours = (replace(family, name=f"verdigris.{family.name}") for family in families)
    return (*_operations(families), *(_new(families, sizes) if latest else _old(sizes)), *ours)


def _operations(families: Iterable[Family]) -> Iterator[Family]:
    for family in families:
        if family.name in _DURATIONS:
            yield replace(family, name=_DURATIONS[family.name], spreads=_told(family.spreads), unit=SECONDS)


def _old(sizes: Family) -> Iterator[Family]:
    yield replace(sizes, name="gen_ai.client.token.usage", spreads=_told(sizes.spreads), unit=TOKEN)


def _new(families: Iterable[Family], sizes: Family) -> Iterator[Family]:
    tokens = next((family for family in families if family.name == "tokens"), None)
    for kind, name in _COUNTERS.items():
        points = tokens.points if tokens is not None else ()
        chosen = (replace(each, labels=_counted(each.labels)) for each in _of(kind)(points))
        yield Family(name=name, kind=Kind.COUNTER, help="Tokens used.", points=tuple(chosen), unit=TOKEN)
    for kind, name in _SIZES.items():
        spreads = tuple(replace(each, labels=_without_type(each.labels)) for each in _told(sizes.spreads, kind))
        yield replace(sizes, name=name, spreads=spreads, unit=TOKEN)


def _of(kind: str) -> Callable[[Iterable[Point]], Iterator[Point]]:
    return lambda points: (each for each in points if dict(each.labels)["type"] == kind and dict(each.labels)["model"])


def _told(spreads: Iterable[Spread], kind: str = "") -> tuple[Spread, ...]:
    return tuple(
        replace(each, labels=_attributes(each.labels))
        for each in spreads
        if dict(each.labels)["model"] and kind in ("", dict(each.labels).get("type"))
    )


def _attributes(labels: Labels) -> Labels:
    """Their names of ours, and the operation: what passes the gateway are conversations."""
    named = ((_ATTRIBUTES.get(name, f"verdigris.{name}"), value) for name, value in labels)
    told = tuple((name, value or ("unknown" if name == "gen_ai.provider.name" else "")) for name, value in named)
    return (("gen_ai.operation.name", "chat"), *told)


def _counted(labels: Labels) -> Labels:
    """Of counters the name says the type; which of them were texts or pictures is not known."""
    return (*_without_type(_attributes(labels)), ("gen_ai.token.modality", "unknown"))


def _without_type(labels: Labels) -> Labels:
    return tuple((name, value) for name, value in labels if name not in ("gen_ai.token.type", "verdigris.source"))
