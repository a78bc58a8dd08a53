"""A model as judge: of two answers which is better, asked in both orders, or of one answer whether it is acceptable.

A judge favours what stands first or last, so it is asked twice, and what it does not say both times is a tie. Source of the bias:
Zheng et al. 2023, arXiv 2306.05685.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

from verdigris.adapters.scorers.endpoint import Endpoint, NoAnswer, Said
from verdigris.adapters.scorers.post import is_address
from verdigris.adapters.scorers.prompts import (
    PAIR,
    SINGLE,
    SINGLE_AND_REFUSAL,
    Fence,
    pair_question,
    reply_of,
    said_of,
    single_question,
)
from verdigris.adapters.scorers.words import most_tokens, version_of
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.paid import told_cost
from verdigris.core.model.reading import Usage
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.ports import Prices

DISAGREES = "order"
"""Label of a tie because the two orders contradict each other: the judge looked at the place, not at the answer."""

REFUSED = "refusal: judge"
"""Label of an answer that declines, and the layer that told."""

_CODE = 1
_REMEMBERED = 2_000
_HALVES = 100
_OVERHEAD = 100  # tokens around the question
_DEAREST = Fence(mark="0" * 16)  # of all fences the one with most tokens
_LONGEST_WHY = 300
_MILLION = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """`url` is the base address that the vendor's SDK takes; `api_key_env` names the environment variable that holds the key.

    `on`: pairs, samples or both. `refusals`: of a single answer it is asked too whether it declines. `rubric` is what counts beside
    correctness, in a few sentences. `input_price` and `output_price` are USD per million tokens, for a model that the price table does
    not know. Take a model of another family than those it judges.
    """

    model: str
    url: str = "https://api.openai.com/v1"
    api: Literal["openai", "anthropic"] = "openai"
    api_key_env: str = ""
    on: Literal["pairs", "samples", "both"] = "pairs"
    refusals: bool = False
    rubric: str = ""
    input_price: float | None = None
    output_price: float | None = None
    max_tokens: int = 300
    _prices: Prices | None = field(default=None, init=False, repr=False, compare=False)
    _endpoint: list[Endpoint] = field(default_factory=list, init=False, repr=False, compare=False)
    _halves: OrderedDict[str, Said] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    _known: OrderedDict[str, Score] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)

    is_free: ClassVar[bool] = False
    in_loop: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True

    def __post_init__(self) -> None:
        prices = [price for price in (self.input_price, self.output_price) if price is not None]
        if len(prices) == 1:
            raise ValueError("input_price and output_price are told together")
        if not all(math.isfinite(price) and price >= 0.0 for price in prices):
            raise ValueError("input_price and output_price are USD per million tokens, from 0 on")
        if not is_address(self.url):
            raise ValueError("the url begins with http:// or https:// and names a host")
        if not self.model.strip():
            raise ValueError("the model has no name")
        if self.max_tokens < 1:
            raise ValueError("max_tokens is 1 or more")
        if self.refusals and self.on == "pairs":
            raise ValueError("refusals are told of single answers: say on: samples, or on: both")

    @property
    def name(self) -> str:
        return "judge"

    @property
    def version(self) -> str:
        """Changes with the model, the prompts and the rubric; not with the address or the price."""
        text = f"{version_of(_Asked.of(self), code=_CODE)}{PAIR}{self._single}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def tells_refusals(self) -> bool:
        return self.refusals

    @property
    def _single(self) -> str:
        return SINGLE_AND_REFUSAL if self.refusals else SINGLE

    def priced_by(self, prices: Prices) -> Self:
        """The same judge, which knows what its model costs."""
        made = replace(self)
        object.__setattr__(made, "_prices", prices)
        return made

    # ------------------------------------------------------------------ what it says

    async def compare(self, pair: ComparedPair) -> Score | ScoreFailure:
        """0.5 for a tie, above it where the other answer is better than stable's."""
        asked, ours, theirs = pair.stable.input, said_of(pair.stable), said_of(pair.other)
        if ours == theirs:
            return self._score(0.5, "tie", "both answers are the same")
        key = self._key(asked, ours, theirs)
        if (known := self._known.get(key)) is not None:
            return replace(known, cost=0.0)
        half = (self.most(pair) or 0.0) / 2
        forward, backward = await asyncio.gather(
            self._half(asked, ours, theirs, most=half), self._half(asked, theirs, ours, most=half)
        )
        cost = forward.cost + backward.cost
        replies = [each.reply for each in (forward, backward) if isinstance(each.reply, Said)]
        if len(replies) == 2:
            return self._remember(key, self._of_both(*replies, cost=cost))
        for each in (forward, backward):
            self._keep(each)
        failed = next(each.reply for each in (forward, backward) if isinstance(each.reply, ScoreFailure))
        return replace(failed, cost=cost, was_sent=cost > 0.0)

    async def _half(self, asked: str, first: str, second: str, *, most: float) -> _Half:
        """One of the two questions. What is not known to be less counts as `most`; one that was answered before is not paid again."""
        key = self._key("half", asked, first, second)
        if (before := self._halves.pop(key, None)) is not None:
            return _Half(key=key, reply=before, cost=0.0)
        reply = await self._ask(PAIR, pair_question(asked, first, second, Fence.new()))
        cost = self._cost(reply) if isinstance(reply, Said) else told_cost(reply)
        return _Half(key=key, reply=reply, cost=most if cost is None else cost)

    def _keep(self, half: _Half) -> None:
        """For the next try, where the other question was not answered."""
        if isinstance(half.reply, Said):
            self._halves[half.key] = half.reply
            while len(self._halves) > _HALVES:
                self._halves.popitem(last=False)

    async def score(self, sample: Sample) -> Score | ScoreFailure:
        """1 for an acceptable answer, 0 for another."""
        asked, said = sample.input, said_of(sample)
        key = self._key(asked, said)
        if (known := self._known.get(key)) is not None:
            return replace(known, cost=0.0)
        reply = await self._ask(self._single, single_question(asked, said, Fence.new()))
        if isinstance(reply, ScoreFailure):
            return reply
        found = reply_of(reply.text)
        passed, refused = (found.get("pass"), found.get("refused")) if found else (None, None)
        cost = self._cost(reply)
        cost = (self.most(sample) or 0.0) if cost is None else cost
        if not isinstance(passed, bool) or (self.refusals and not isinstance(refused, bool)):
            return self._unreadable(cost)
        label = REFUSED if self.refusals and refused else "pass" if passed else "fail"
        word = self._score(float(passed), label, _why(found), cost=cost)
        return self._remember(key, word)

    def _of_both(self, forward: Said, backward: Said, *, cost: float) -> Score | ScoreFailure:
        words = [reply_of(reply.text) for reply in (forward, backward)]
        said = [_preferred(word) for word in words]
        if None in said:
            return self._unreadable(cost)
        one, two = said[0], {"first": "second", "second": "first", "tie": "tie"}[str(said[1])]
        if one != two:
            why = "asked the other way round, the judge says something else"
            return self._score(0.5, DISAGREES, why, cost=cost)
        value = {"first": 0.0, "second": 1.0, "tie": 0.5}[str(one)]
        label = {"first": "worse", "second": "better", "tie": "tie"}[str(one)]
        return self._score(value, label, _why(words[0]), cost=cost)

    async def _ask(self, instruction: str, question: str) -> Said | ScoreFailure:
        text = instruction.format(rubric=self.rubric)
        try:
            return await self._model().ask(text, question, max_tokens=self.max_tokens)
        except NoAnswer as none:
            return ScoreFailure(
                scorer=self.name,
                version=self.version,
                trouble=none.trouble,
                reason=none.reason,
                again_after=none.again_after,
                was_sent=none.was_sent,
            )

    # ------------------------------------------------------------------ what it costs

    def most(self, item: Sample | ComparedPair) -> float | None:
        """USD that its word on this can cost; None where its price is not known."""
        if isinstance(item, ComparedPair):
            ours, theirs = said_of(item.stable), said_of(item.other)
            asked, calls = PAIR + pair_question(item.stable.input, ours, theirs, _DEAREST), 2
        else:
            asked, calls = self._single + single_question(item.input, said_of(item), _DEAREST), 1
        tokens = _OVERHEAD + most_tokens(asked) + most_tokens(self.rubric)
        if self.input_price is not None and self.output_price is not None:
            return calls * (tokens * self.input_price + self.max_tokens * self.output_price) / _MILLION
        if self._prices is None:
            return None
        each = self._prices.most(model=self.model, input_tokens=tokens, output_tokens=self.max_tokens)
        return None if each is None else calls * each

    def _cost(self, said: Said) -> float | None:
        usage: Usage = said.usage
        if not usage.input:  # some servers count nothing, and no question is empty
            return None
        if self.input_price is not None and self.output_price is not None:
            if usage.output is None:
                return None
            return (usage.input * self.input_price + usage.output * self.output_price) / _MILLION
        return self._prices.cost(model=self.model, usage=usage) if self._prices is not None else None

    # ------------------------------------------------------------------ inside

    def _score(self, value: float, label: str, why: str, *, cost: float = 0.0) -> Score:
        return Score(
            scorer=self.name,
            version=self.version,
            value=value,
            label=label,
            explanation=why,
            cost=cost,
        )

    def _unreadable(self, cost: float) -> ScoreFailure:
        return ScoreFailure(
            scorer=self.name,
            version=self.version,
            trouble=Trouble.UNREADABLE,
            reason="the judge's reply is no verdict",
            cost=cost,
        )

    def _key(self, *parts: str) -> str:
        return hashlib.sha256("\x1f".join((self.version, *parts)).encode()).hexdigest()

    def _remember(self, key: str, word: Score | ScoreFailure) -> Score | ScoreFailure:
        if isinstance(word, Score):
            self._known[key] = word
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return word

    def _model(self) -> Endpoint:
        if not self._endpoint:
            self._endpoint.append(Endpoint(url=self.url, api=self.api, model=self.model, key_env=self.api_key_env))
        return self._endpoint[0]

    async def close(self) -> None:
        while self._endpoint:
            await self._endpoint.pop().close()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Half:
    """What came of one order of a pair, and what it cost now."""

    key: str
    reply: Said | ScoreFailure
    cost: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What of a judge can change its word."""

    model: str
    api: str
    rubric: str
    max_tokens: int

    @classmethod
    def of(cls, judge: Judge) -> _Asked:
        return cls(model=judge.model, api=judge.api, rubric=judge.rubric, max_tokens=judge.max_tokens)


def _preferred(word: dict[str, object] | None) -> str | None:
    better = word.get("better") if word else None
    return better if isinstance(better, str) and better in ("first", "second", "tie") else None


def _why(word: dict[str, object] | None) -> str:
    return str((word or {}).get("why", ""))[:_LONGEST_WHY]
