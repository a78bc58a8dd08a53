"""A scorer behind an address of the owner's: it is sent a sample or a pair as JSON, and answers with its word.

Sent: `{"kind": "sample", "id", "route", "input", "output", "system"}`, or `{"kind": "pair", "id", "input", "stable", "other"}`.
Answered, HTTP 200: `{"value": 0..1, "passed": true, "label": "…", "explanation": "…", "cost": USD}`, each of them optional but one
of the first two.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import httpx2

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
    _clients: list[httpx2.AsyncClient] = field(default_factory=list, init=False, repr=False, compare=False)

    in_loop: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("the url begins with http:// or https://")
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
        token = os.environ.get(self.token_env, "") if self.token_env else ""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            reply = await self._client().post(self.url, json=body, headers=headers)
        except httpx2.TimeoutException:
            return self._failure(Trouble.TIMEOUT, "it did not answer in time")
        except httpx2.HTTPError as error:
            return self._failure(Trouble.UNREACHABLE, f"it cannot be reached: {type(error).__name__}")
        if reply.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            return self._failure(Trouble.THROTTLED, "it answers HTTP 429")
        if reply.status_code != httpx2.codes.OK:
            trouble = (
                Trouble.UNREACHABLE if reply.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR else Trouble.REFUSED
            )
            return self._failure(trouble, f"it answers HTTP {reply.status_code}")
        return self._word(reply)

    def _word(self, reply: httpx2.Response) -> Score | ScoreFailure:
        try:
            said = reply.json() if len(reply.content) <= _LARGEST else None
        except ValueError:
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

    def _failure(self, trouble: Trouble, reason: str, *, cost: float = 0.0) -> ScoreFailure:
        return ScoreFailure(scorer=self.name, version=self.version, trouble=trouble, reason=reason, cost=cost)

    def _client(self) -> httpx2.AsyncClient:
        if not self._clients:
            self._clients.append(httpx2.AsyncClient(timeout=httpx2.Timeout(600.0, connect=10.0), trust_env=False))
        return self._clients[0]

    async def close(self) -> None:
        while self._clients:
            await self._clients.pop().aclose()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    url: str
    revision: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
