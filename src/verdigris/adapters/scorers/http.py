"""A scorer behind an address of the owner's: it is sent a sample or a pair as JSON, and answers with its word.

Sent: `{"kind": "sample", "id", "route", "input", "output", "system"}`, or `{"kind": "pair", "id", "input", "stable", "other"}`.
Answered, HTTP 200: `{"value": 0..1, "passed": true, "label": "…", "explanation": "…", "cost": USD}`, each of them optional but one
of the first two.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from verdigris.adapters.scorers.post import NoAnswer, Post, bearer, is_address
from verdigris.adapters.scorers.words import version_of
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure, Trouble

_CODE = 1
_LARGEST = 1 << 16
_LONGEST = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpScorer:
    """`url` takes a POST. `token_env` names the environment variable whose value is sent as bearer token. `revision` is the owner's own
    word for what stands behind the address: change it with what it would say. `price` is USD a call, where it costs money.
    """

    url: str
    on: Literal["samples", "pairs", "both"] = "samples"
    token_env: str = ""
    revision: str = ""
    price: float = 0.0
    _post: Post = field(
        default_factory=lambda: Post(of="the scorer", largest=_LARGEST), init=False, repr=False, compare=False
    )

    in_loop: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not is_address(self.url):
            raise ValueError("the url begins with http:// or https:// and names a host")
        if not (math.isfinite(self.price) and self.price >= 0.0):
            raise ValueError("the price is USD a call, from 0 on")

    @property
    def name(self) -> str:
        return "http"

    @property
    def version(self) -> str:
        return version_of(_Asked(url=self.url, revision=self.revision), code=_CODE)

    @property
    def is_free(self) -> bool:
        return self.price == 0.0

    def most(self, item: Sample | ComparedPair) -> float | None:  # noqa: ARG002 -- each call costs the same
        """USD that one call costs."""
        return self.price

    async def score(self, sample: Sample) -> Score | ScoreFailure:
        return await self._ask(
            {
                "kind": "sample",
                "id": sample.id,
                "route": sample.route,
                "input": sample.input,
                "output": sample.output,
                "system": sample.system,
            }
        )

    async def compare(self, pair: ComparedPair) -> Score | ScoreFailure:
        stable, other = pair.stable.output, pair.other.output
        return await self._ask(
            {"kind": "pair", "id": pair.id, "input": pair.stable.input, "stable": stable, "other": other}
        )

    async def _ask(self, body: dict[str, Any]) -> Score | ScoreFailure:
        try:
            answered = await self._post.ask(self.url, body, bearer(self.token_env))
        except NoAnswer as none:
            return self._failure(none.trouble, none.reason, again_after=none.again_after, was_sent=none.was_sent)
        return self._word(answered.body)

    def _word(self, body: bytes) -> Score | ScoreFailure:
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            return self._failure(Trouble.UNREADABLE, "its answer is no JSON object", cost=self.price)
        value, passed = said.get("value"), said.get("passed")
        if value is not None and not (_is_number(value) and 0.0 <= value <= 1.0):
            return self._failure(Trouble.UNREADABLE, "its value does not lie in 0..1", cost=self.price)
        if passed is not None and not isinstance(passed, bool):
            return self._failure(Trouble.UNREADABLE, "its passed is neither true nor false", cost=self.price)
        if value is None and passed is None:
            return self._failure(Trouble.UNREADABLE, "its answer has neither value nor passed", cost=self.price)
        cost: Any = said.get("cost")
        return Score(
            scorer=self.name,
            version=self.version,
            value=None if value is None else float(value),
            passed=passed,
            label=str(said.get("label", ""))[:_LONGEST],
            explanation=str(said.get("explanation", ""))[:_LONGEST],
            cost=float(cost) if _is_number(cost) and cost >= 0.0 else self.price,
        )

    def _failure(
        self,
        trouble: Trouble,
        reason: str,
        *,
        cost: float = 0.0,
        again_after: float | None = None,
        was_sent: bool = True,
    ) -> ScoreFailure:
        return ScoreFailure(
            scorer=self.name,
            version=self.version,
            trouble=trouble,
            reason=reason,
            cost=cost,
            again_after=again_after,
            was_sent=was_sent,
        )

    async def close(self) -> None:
        await self._post.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    url: str
    revision: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
