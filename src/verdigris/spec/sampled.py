"""The `quality` of the file: what is copied of live traffic, what scores it, what is asked of both sides, what is kept.

Without it no body is ever copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from verdigris.core.model.quality import (
    CasesUse,
    MirrorUse,
    Quality,
    Redaction,
    Retention,
    Sampling,
    ScorerUse,
    Shadow,
)
from verdigris.spec import scorers as scorers_of
from verdigris.spec.budget import BudgetDoc, BudgetValue
from verdigris.spec.scorers import ScorerDoc, ScorersValue
from verdigris.spec.source import Path
from verdigris.spec.types import (
    BodySize,
    Doc,
    Name,
    Part,
    PathPrefix,
    Pattern,
    PositiveDuration,
    RequestPath,
    Some,
    StoreSize,
    Word,
)
from verdigris.spec.wrong import Wrong

MOST_PATHS = 100
MOST_FILES = 50
MOST_PATTERNS = 50
SHORTEST = 1.0
"""Seconds between two cases."""

_SAMPLING = Sampling()
_SHADOW = Shadow(paths=())
_CASES = CasesUse(files=())
_KEPT = Retention()

Kind = Literal["email", "phone", "card", "iban"]
KINDS: tuple[Kind, ...] = ("email", "phone", "card", "iban")
Paths = Annotated[list[PathPrefix], Field(min_length=1, max_length=MOST_PATHS)]
Concurrency = Annotated[int, Field(ge=1, le=256)]


class ShadowDoc(Doc):
    """Requests to `paths` are sent a second time, to the candidate or (`self_pairs`) to stable again, within `budget`."""

    paths: Paths
    rate: Some = _SHADOW.rate
    budget: BudgetValue = BudgetDoc(per_day=_SHADOW.budget.per_day)
    self_pairs: Part = _SHADOW.self_pairs
    concurrency: Concurrency = _SHADOW.concurrency
    timeout: PositiveDuration = _SHADOW.timeout

    def model(self) -> Shadow:
        return Shadow(
            paths=tuple(self.paths),
            rate=self.rate,
            budget=self.budget.model(),
            self_pairs=self.self_pairs,
            concurrency=self.concurrency,
            timeout=self.timeout,
        )


class MirrorDoc(Doc):
    """A rate of stable's requests to `paths` is also sent to the candidate, for its load; nobody sees those answers."""

    paths: Paths
    rate: Some

    def model(self) -> MirrorUse:
        return MirrorUse(paths=tuple(self.paths), rate=self.rate)


def _or_off(value: Any) -> Any:
    return None if value == "off" else value


def _a_while(interval: float | None) -> float | None:
    if interval is not None and interval < SHORTEST:
        raise Wrong("is shorter than a second, and every answer is paid for", hint="such as 1m, or off")
    return interval


_Interval = Annotated[
    PositiveDuration | None,
    BeforeValidator(_or_off, json_schema_input_type=PositiveDuration | Literal["off"]),
    AfterValidator(_a_while),
]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Globs = Annotated[list[Word], Field(min_length=1, max_length=MOST_FILES)]


class CasesDoc(Doc):
    """Files of declared cases, as globs beside this file. Where a case names no `path`, its input goes to this one."""

    files: Annotated[Globs, BeforeValidator(_listed, json_schema_input_type=Globs | Word)]
    path: RequestPath | None = None
    interval: _Interval = _CASES.interval

    def model(self, *, min_score: float | None) -> CasesUse:
        return CasesUse(
            files=tuple(self.files),
            path=self.path,
            interval=self.interval,
            min_score=_CASES.min_score if min_score is None else min_score,
        )


def _short_cases(value: Any) -> Any:
    """`cases/*.yaml` says `{ files: [cases/*.yaml] }`."""
    return {"files": value} if isinstance(value, str | list) else value


class RedactDoc(Doc):
    """What is taken out of texts before they are kept or judged: built-in kinds, and own regular expressions by name."""

    kinds: list[Kind] = Field(default_factory=lambda: list(KINDS))
    patterns: Annotated[dict[Name, Pattern], Field(max_length=MOST_PATTERNS)] = Field(default_factory=dict)

    def model(self) -> Redaction:
        return Redaction(kinds=tuple(dict.fromkeys(self.kinds)), patterns=dict(self.patterns))


def _no_redaction(value: Any) -> Any:
    """`redact: off` keeps texts as they are."""
    return {"kinds": []} if value == "off" else value


class KeepDoc(Doc):
    """How long samples and pairs are kept, and in how much room."""

    seconds: PositiveDuration = Field(default=_KEPT.seconds, alias="for")
    size: StoreSize = _KEPT.size

    def model(self) -> Retention:
        return Retention(seconds=self.seconds, size=self.size)


class QualityDocument(Doc):
    """The same number of samples of each environment, whatever its weight; bodies beyond `largest` are cut."""

    samples_per_minute: Annotated[float, Field(gt=0, le=60_000)] = _SAMPLING.per_minute
    largest: BodySize = _SAMPLING.largest
    off_paths: Annotated[list[PathPrefix], Field(max_length=MOST_PATHS)] = Field(default_factory=list)
    scorers: ScorersValue = Field(default_factory=lambda: [ScorerDoc(use="heuristics")])
    shadow: ShadowDoc | None = None
    cases: Annotated[CasesDoc, BeforeValidator(_short_cases, json_schema_input_type=CasesDoc | Globs | Word)] | None = (
        None
    )
    redact: Annotated[RedactDoc, BeforeValidator(_no_redaction, json_schema_input_type=RedactDoc | Literal["off"])] = (
        RedactDoc()
    )
    keep: KeepDoc = KeepDoc()
    mirror: MirrorDoc | None = None

    def model(self, plain: Callable[[Path], Any], *, min_score: float | None = None) -> Quality:
        """`plain` gives what stands at a place of the file, as YAML reads it; `min_score` is the check's."""
        return Quality(
            sampling=Sampling(per_minute=self.samples_per_minute, largest=self.largest, off=tuple(self.off_paths)),
            scorers=self._scorers(plain),
            shadow=self.shadow.model() if self.shadow else None,
            cases=self.cases.model(min_score=min_score) if self.cases else None,
            redaction=self.redact.model(),
            retention=self.keep.model(),
            mirror=self.mirror.model() if self.mirror else None,
        )

    def _scorers(self, plain: Callable[[Path], Any]) -> tuple[ScorerUse, ...]:
        return scorers_of.models(self.scorers, ("quality", "scorers"), plain)


def warnings(quality: QualityDocument, written: Callable[[Path], str]) -> Iterator[str]:
    """What is odd but allowed; `written` gives a text as it stands in the file."""
    yield from scorers_of.warnings(quality.scorers, ("quality", "scorers"), written)
    if not quality.redact.kinds and not quality.redact.patterns:
        yield "quality.redact is off: samples and pairs are kept with the personal data that is in them"
    for path in quality.shadow.paths if quality.shadow else ():
        if any(_is_under(path, off) for off in quality.off_paths):
            yield f"quality.shadow.paths: {path} lies under quality.off_paths, is never copied and so makes no pairs"
    for path in quality.mirror.paths if quality.mirror else ():
        if any(_is_under(path, off) for off in quality.off_paths):
            yield f"quality.mirror.paths: {path} lies under quality.off_paths, and so is never mirrored"


def _is_under(path: str, above: str) -> bool:
    return path.rstrip("/") == above.rstrip("/") or path.startswith(above.rstrip("/") + "/")
