"""What a service's owner asked for beside the plain measures: samples, scorers, cases, shadow pairs, and what they may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """`per_day` and `per_rollout` are USD, None where not bounded. `requests` bounds paid calls of a rollout whose price is not known: none without it."""

    per_day: float | None = None
    per_rollout: float | None = None
    requests: int | None = None


DEFAULT_BUDGET = Budget(per_day=5.0)
"""What a scorer that costs money may spend when nothing is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScorerUse:
    """One entry of `quality.scorers`. `options` are the plug's own fields, as YAML reads them; they may hold secrets. Relative paths
    in them begin at `folder`, that of the file, which is the working directory where it is empty.

    `gate`: True counts its values as the candidate's quality, False shows them only; None leaves it to the scorer: free checks find
    defects, a calibrated judge gates, an uncalibrated one advises. `name` tells two uses of one plug apart.
    """

    use: str
    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    gate: bool | None = None
    budget: Budget | None = None
    timeout: float = 30.0
    concurrency: int = 4
    retries: int = 2
    folder: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """`per_minute` samples of each environment, the same number whatever its weight. Bodies beyond `largest` bytes are cut.

    Requests to a path that begins (by segment) with one of `off` are never copied.
    """

    per_minute: float = 60.0
    largest: int = 256 << 10
    off: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Redaction:
    """`kinds` are built in: email, phone, card, iban. `patterns` are the owner's own regular expressions, by name."""

    kinds: tuple[str, ...] = ("email", "phone", "card", "iban")
    patterns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """Samples and pairs are forgotten after `seconds`, the oldest first when they take more than `size` bytes."""

    seconds: float = 7 * 86_400.0
    size: int = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow:
    """Pairs on identical inputs: `rate` (0..1) of stable's requests to `paths`, which their owner declared safe to repeat.

    `self_pairs` (0..1) of the pairs go to stable again: the noise floor. `timeout` bounds the second answer, in seconds.
    """

    paths: tuple[str, ...]
    rate: float = 0.05
    budget: Budget = Budget(per_day=20.0)
    self_pairs: float = 0.10
    concurrency: int = 4
    timeout: float = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class MirrorUse:
    """A `rate` (0..1) of stable's requests to safe `paths` is also sent to the candidate while a rollout runs, for its load alone."""

    paths: tuple[str, ...]
    rate: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CasesUse:
    """`files` are globs, from the working folder on. `min_score` (0..1) must be reached by the candidate before the first weight.

    During a rollout one case is run on both sides every `interval` seconds; None: not at all. `path` takes the input of
    cases that name none themselves.
    """

    files: tuple[str, ...]
    path: str | None = None
    min_score: float = 0.8
    interval: float | None = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Everything is off until declared: without `quality` no body is ever copied."""

    sampling: Sampling = Sampling()
    scorers: tuple[ScorerUse, ...] = (ScorerUse(use="heuristics"),)
    shadow: Shadow | None = None
    cases: CasesUse | None = None
    redaction: Redaction = Redaction()
    retention: Retention = Retention()
    mirror: MirrorUse | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomPrice:
    """The owner's own price of a model, USD per million tokens; parts that are None cost what `input` or `output` cost.

    `model` may end in `*`.
    """

    model: str
    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
