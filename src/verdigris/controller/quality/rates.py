"""From what is asked for to what is copied: shares of each environment's requests, and what each copy is for. Pure.

As many copies of either side are scored each minute, whatever its weight. The shares in force have room above what is wanted,
so that routes are written anew only when traffic has changed a good deal; what is copied beyond it is not scored. For pairs
alone, stable may be copied more than it is scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from verdigris.core.model.quality import Quality
from verdigris.core.model.sample import Exchange
from verdigris.core.model.taps import Mirror, Taps

ROOM = 1.25
"""A new share is this much above what is wanted; it stays until less, or more than ROOM times ROOM, is wanted."""
_MINUTE = 60.0
_WORDS = 2.0**64


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """What a copy is for: its scores are the environment's, and it may become a pair. Neither: it is dropped."""

    scored: bool
    paired: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`taps` for the driver. `scored` and `paired` are shares (0..1) of an environment's copies, an environment left out has none.

    `paths` are those that may be paired.
    """

    taps: Taps = field(default_factory=Taps)
    scored: Mapping[str, float] = field(default_factory=dict)
    paired: Mapping[str, float] = field(default_factory=dict)
    paths: tuple[str, ...] = ()

    def use(self, exchange: Exchange) -> Use:
        """Drawn by the request's id, so that the same copy is always used alike and nothing else of it matters."""
        digest = hashlib.blake2b(exchange.id.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        drawn = int.from_bytes(digest) / _WORDS
        safe = any(_begins(exchange.route, path) for path in self.paths)
        return Use(
            scored=drawn < self.scored.get(exchange.environment, 0.0),
            paired=safe and drawn < self.paired.get(exchange.environment, 0.0),
        )


def plan(
    quality: Quality | None,
    *,
    rates: Mapping[str, float],
    stable: str,
    candidate: str | None = None,
    before: Taps | None = None,
) -> Plan:
    """What to copy now. `rates` are requests/s of each environment over the last minute, `before` the taps in force.

    `candidate` is None while no rollout runs. An environment that had no request might get all there are. Without `quality`
    nothing is copied.
    """
    if quality is None:
        return Plan()
    total = sum(rates.values())
    sides = (stable,) if candidate is None else (stable, candidate)
    wanted = {side: _share(quality.sampling.per_minute, rates.get(side, 0.0) or total) for side in sides}
    pairs = quality.shadow.rate if quality.shadow is not None and candidate is not None else 0.0
    copied = {**wanted, stable: max(wanted[stable], pairs)}
    held = {} if before is None else before.sampled
    shares = {side: kept for side in sides if (kept := _kept(copied[side], held.get(side, 0.0))) > 0}
    mirror = None
    if quality.mirror is not None and candidate is not None:
        mirror = Mirror(to=candidate, share=quality.mirror.rate, paths=quality.mirror.paths)
    return Plan(
        taps=Taps(sampled=shares, mirror=mirror),
        scored={side: min(1.0, wanted[side] / share) for side, share in shares.items()},
        paired={stable: min(1.0, pairs / shares[stable])} if pairs > 0 else {},
        paths=quality.shadow.paths if quality.shadow is not None else (),
    )


def _share(per_minute: float, rate: float) -> float:
    """Of a rate in requests/s, the share that gives so many a minute; all of them where that is fewer."""
    return min(1.0, per_minute / (_MINUTE * rate)) if rate > 0 else float(per_minute > 0)


def _kept(wanted: float, held: float) -> float:
    """The share held as long as it is neither too small nor far too large."""
    if wanted <= held <= min(1.0, wanted * ROOM * ROOM):
        return held
    return min(1.0, wanted * ROOM)


def _begins(route: str, path: str) -> bool:
    """Whether the path's segments are the route's first."""
    return route == path or route.startswith(path if path.endswith("/") else path + "/")
