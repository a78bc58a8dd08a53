"""Prices from the owner's own list first, then from the table that genai-prices carries. Nothing is downloaded.

A price list says USD per million tokens, some of them in brackets by how many input tokens a request has; all its tokens are
then priced by the bracket it falls into. Tokens read from or written to a cache are part of the input and have prices of their
own; those of reasoning are part of the output and cost what output costs unless the list says otherwise. A few models cost
something for each request as well.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from verdigris.core.model.quality import CustomPrice
from verdigris.core.model.reading import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

MOST_MODELS = 1_000
"""Model names that are remembered with their price, or as having none; with more, those without are forgotten."""

MOST_LOOKUPS = 2_000
"""Names that are looked up in ten minutes: each takes half a millisecond. Further new ones have no price until then."""

MOST_UNKNOWN = 20
"""Names of models without a price that are told."""

_VALID = 600.0  # seconds for which a price stands: some change with the hour
_MILLION = 1e6
_CLOUD = re.compile(r"(?:us-gov|ai21|[a-z]+)\.[a-z]")
"""How the names of models begin that Amazon Bedrock serves: with a region or a vendor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """USD a token, from `above` input tokens on, and `request` USD a request. `output` is None of models that give none."""

    above: int
    input: float
    output: float | None
    cache_read: float
    cache_write: float
    reasoning: float | None = None
    request: float = 0.0

    def cost(self, usage: Usage) -> float | None:
        """None where the tokens it needs are not known."""
        if usage.input is None or (usage.output is None and self.output is not None):
            return None
        read, written = usage.cache_read or 0, usage.cache_write or 0
        plain = max(0, usage.input - read - written)
        paid = plain * self.input + read * self.cache_read + written * self.cache_write + self.request
        thoughts = usage.reasoning or 0 if self.reasoning is not None else 0
        produced = max(0, (usage.output or 0) - thoughts) * (self.output or 0.0)
        return paid + produced + thoughts * (self.reasoning or 0.0)

    def most(self, input_tokens: int, output_tokens: int) -> float:
        """All of the input written to a cache, and all of the output thought, where that is dearest."""
        paid = input_tokens * max(self.input, self.cache_write, self.cache_read)
        return self.request + paid + output_tokens * max(self.output or 0.0, self.reasoning or 0.0)


Brackets = tuple[Rates, ...]
"""By rising `above`; the last one below a request's input tokens is its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPrices:
    """`custom` come first, the most exact name of them; `model` stands in where an answer names none."""

    custom: tuple[CustomPrice, ...] = ()
    model: str | None = None
    clock: Callable[[], float] = time.time
    _known: dict[str, tuple[float, Brackets]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _unknown: dict[str, None] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lookups: deque[float] = field(
        default_factory=lambda: deque(maxlen=MOST_LOOKUPS), init=False, repr=False, compare=False
    )

    @property
    def unknown(self) -> tuple[str, ...]:
        """Models that were asked for and have no price, MOST_UNKNOWN at most."""
        return tuple(self._unknown)

    def load(self) -> None:
        """Reads the price list, which takes a third of a second and some tens of megabytes."""
        _listed("gpt-4o", self.clock())

    def cost(self, *, model: str | None, usage: Usage) -> float | None:
        """USD; None when the model is not known, when input or output tokens are not, or when the answer broke off."""
        if usage.input is None or usage.partial:
            return None
        brackets = self._brackets(model or self.model)
        return _within(brackets, usage.input).cost(usage) if brackets else None

    def most(self, *, model: str | None, input_tokens: int, output_tokens: int) -> float | None:
        """USD that an answer of at most this size can cost, all of its input written to a cache if that is dearest."""
        brackets = self._brackets(model or self.model)
        if not brackets:
            return None
        return max(rates.most(input_tokens, output_tokens) for rates in brackets if rates.above <= input_tokens)

    def _brackets(self, model: str | None) -> Brackets:
        if not model:
            return ()
        now, known = self.clock(), self._known.get(model)
        if known is not None and _is_lately(known[0], now):
            return known[1]
        found = self._own(model)
        if not found:
            if len(self._lookups) == MOST_LOOKUPS and _is_lately(self._lookups[0], now):
                return known[1] if known is not None else ()
            self._lookups.append(now)
            found = _listed(model, now)
        if not found and len(self._unknown) < MOST_UNKNOWN:
            self._unknown[model[:200]] = None
        self._remember(model, now, found)
        return found

    def _remember(self, model: str, now: float, found: Brackets) -> None:
        if len(self._known) >= MOST_MODELS:
            kept = {name: entry for name, entry in self._known.items() if entry[1]}
            self._known.clear()
            self._known.update(kept if len(kept) < MOST_MODELS else {})
        self._known[model] = (now, found)

    def _own(self, model: str) -> Brackets:
        fitting = [price for price in self.custom if _fits(price.model, model)]
        if not fitting:
            return ()
        price = max(fitting, key=lambda price: (not price.model.endswith("*"), len(price.model)))
        return (
            Rates(
                above=0,
                input=price.input / _MILLION,
                output=price.output / _MILLION,
                cache_read=(price.input if price.cache_read is None else price.cache_read) / _MILLION,
                cache_write=(price.input if price.cache_write is None else price.cache_write) / _MILLION,
            ),
        )


def _is_lately(at: float, now: float) -> bool:
    """A clock that was ahead for a moment leaves nothing that stays valid until it gets there."""
    return 0.0 <= now - at < _VALID


def _fits(pattern: str, model: str) -> bool:
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


def _within(brackets: Brackets, input_tokens: int) -> Rates:
    """The bracket of a request: that of the highest bound its input exceeds."""
    found = brackets[0]
    for rates in brackets[1:]:
        if input_tokens > rates.above:
            found = rates
    return found


def _listed(model: str, now: float) -> Brackets:
    """What the price table says; empty where it does not know the model or asks for more than tokens."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 -- takes a third of a second to load

    table, at = get_snapshot(), datetime.fromtimestamp(now, tz=UTC)
    name = _plain(model)
    for provider in _providers(name):
        try:
            _, found = table.find_provider_model(name, None, provider, None)
            return _brackets_of(found.get_prices(at))
        except LookupError:
            continue
    return ()


def _plain(model: str) -> str:
    """Without what Gemini and Amazon's resource names put before a model's own name."""
    return model.rpartition("/")[2] if model.startswith(("models/", "arn:aws:bedrock:")) else model


def _providers(model: str) -> Iterable[str | None]:
    """Where to look: None lets the list itself tell by the name whose model it is, which it cannot of all."""
    return ("aws", None) if _CLOUD.match(model) else (None, "openai", "perplexity")


def _brackets_of(price: ModelPrice) -> Brackets:
    if price.input_mtok is None:
        return ()
    parts = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok)
    bounds = sorted({0} | {tier.start for each in parts for tier in getattr(each, "tiers", ())})
    return tuple(_rates_above(bound, price) for bound in bounds)


def _rates_above(bound: int, price: ModelPrice) -> Rates:
    def at(part: Any) -> float | None:
        return None if part is None else _tier(part, bound) / _MILLION

    plain = at(price.input_mtok) or 0.0
    read, written = at(price.cache_read_mtok), at(price.cache_write_mtok)
    return Rates(
        above=bound,
        input=plain,
        output=at(price.output_mtok),
        cache_read=plain if read is None else read,
        cache_write=plain if written is None else written,
        reasoning=at(price.output_reasoning_mtok),
        request=0.0 if price.requests_kcount is None else _tier(price.requests_kcount, bound) / 1_000.0,
    )


def _tier(price: Any, bound: int) -> float:
    """USD a million in the bracket that begins above `bound`."""
    tiers = [tier for tier in getattr(price, "tiers", ()) if tier.start <= bound]
    if tiers and bound > 0:
        return float(max(tiers, key=lambda tier: tier.start).price)
    return float(getattr(price, "base", price))
