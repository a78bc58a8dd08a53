"""Asks an endpoint the cases, a few at once, and scores what it answers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, assert_never

from verdigris.cases.model import MOST_OUTPUT, Case, CaseResult, CasesRun, Finding, mean_of
from verdigris.cases.rules import MOST_TEXT, Reference, Rubric, Rule, TextRule
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.paid import told_cost
from verdigris.core.model.quality import Redaction
from verdigris.core.model.reading import Reading
from verdigris.core.model.release import Release
from verdigris.core.model.sample import Exchange, Sample
from verdigris.core.model.score import Score, ScoreFailure
from verdigris.core.model.service import Telemetry
from verdigris.core.reading.answer import read_answer
from verdigris.core.reading.redaction import Redactor
from verdigris.core.reading.request import read_request
from verdigris.core.reading.sound import sound
from verdigris.ports import Prices, Resender, Unanswered

LARGEST = 4 << 20
"""Bytes of an answer that are read; a longer one is no answer."""

_BACKOFF = 0.5
_WHY = {
    "timeout": "no answer within {seconds:g} s",
    "failed": "no answer: the connection failed or broke off",
    "cut": f"the answer is longer than {LARGEST >> 20} MiB",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where cases are sent: a base URL, and what is sent along. `name` and `release` are those of an environment, where it is one.

    `prices` say what an answer cost that does not say it itself, `model` by which of them where it names none.
    """

    url: str
    name: str = ""
    release: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    telemetry: Telemetry = field(default_factory=Telemetry)
    prices: Prices | None = None
    model: str | None = None

    @classmethod
    def of(cls, environment: str, release: Release, *, url: str, telemetry: Telemetry, prices: Prices | None) -> Self:
        """That of an environment which holds this release."""
        model = dict(release.config).get("model") or None
        return cls(url=url, name=environment, release=release.id, telemetry=telemetry, prices=prices, model=model)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How a run goes: cases under way at once, seconds for an answer and for a judge's word, further tries after no answer, a 429 or a 5xx.

    `redact` gives a text as scorers may see it. The rules of text look at the answer as it came.
    """

    concurrency: int = 4
    timeout: float = 60.0
    retries: int = 0
    redact: Callable[[str], tuple[str, int]] = Redactor(Redaction()).redact


Done = Callable[[CaseResult], object]
Settle = Callable[[float | None], Awaitable[float]]
Spend = Callable[[Reference | Rubric, Sample | ComparedPair], Awaitable[Settle | None]]
"""Sets aside what a scorer's word can cost; None where there is no money left. What it did cost is told to the Settle, None where
that is not known; it gives back what is counted for it."""


async def freely(_: Reference | Rubric, __: Sample | ComparedPair) -> Settle | None:
    """Spends what it takes: for a run that a person asked for."""
    return _settled


async def _settled(cost: float | None) -> float:
    return cost or 0.0


async def run_cases(
    cases: Sequence[Case],
    endpoint: Endpoint,
    resender: Resender,
    *,
    min_score: float,
    manner: Manner = Manner(),
    done: Done = lambda _: None,
    spend: Spend = freely,
) -> CasesRun:
    """Every case once; `done` is told each result as it comes. Results come without bodies and samples."""
    turns = asyncio.Semaphore(manner.concurrency)

    async def one(case: Case) -> CaseResult:
        async with turns:
            whole = await run_case(case, endpoint, resender, manner=manner, spend=spend)
        result = replace(whole, exchange=None, sample=None)  # bodies of a thousand answers would fill the memory
        done(result)
        return result

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one(case)) for case in cases]
    return CasesRun(
        of=endpoint.name or endpoint.url, results=tuple(task.result() for task in running), min_score=min_score
    )


async def run_case(
    case: Case, endpoint: Endpoint, resender: Resender, *, manner: Manner = Manner(), spend: Spend = freely
) -> CaseResult:
    """Never raises for what an endpoint or a scorer does."""
    began = time.time()
    asked = _exchange(case, endpoint, began)
    answer = await _sent(asked, endpoint, resender, manner)
    result = CaseResult(case=case, score=0.0)
    if isinstance(answer, Unanswered):
        return replace(result, problem=_WHY[answer.why].format(seconds=manner.timeout), seconds=time.time() - began)
    reading = await asyncio.to_thread(_read, answer, endpoint.telemetry)
    sample = _sample(answer, reading, endpoint.telemetry)
    cost = _cost(reading, endpoint)
    result = replace(
        result,
        status=answer.status,
        seconds=sample.duration,
        output=reading.text[:MOST_OUTPUT],
        cost=cost,
        answer_cost=cost,
        exchange=answer,
        sample=sample,
    )
    if not 200 <= answer.status < 300:
        return replace(result, problem=f"the answer has status {answer.status}")
    findings = tuple([await _finding(rule, sample, manner, spend) for rule in case.rules])
    return replace(result, findings=findings, score=mean_of(findings), cost=_sum(cost, findings))


def _cost(reading: Reading, endpoint: Endpoint) -> float | None:
    if reading.cost is not None or endpoint.prices is None:
        return reading.cost
    model = reading.model or endpoint.model or endpoint.telemetry.model
    return endpoint.prices.cost(model=model, usage=reading.usage)


def _sum(answer: float | None, findings: Sequence[Finding]) -> float | None:
    """What is known of it: None where nothing is."""
    words = sum(finding.cost for finding in findings)
    return words or None if answer is None else answer + words


# ------------------------------------------------------------------ asking


def _exchange(case: Case, endpoint: Endpoint, now: float) -> Exchange:
    question = case.question
    headers = {"accept": "application/json, text/event-stream, text/plain, */*", **endpoint.headers, **question.headers}
    return Exchange(
        id=f"case-{secrets.token_hex(8)}",
        at=now,
        began=now,
        environment=endpoint.name,
        release=endpoint.release,
        method="POST",
        path=question.path or "/",
        request_headers={"content-type": question.content_type, **headers},
        request_body=question.body,
    )


async def _sent(asked: Exchange, endpoint: Endpoint, resender: Resender, manner: Manner) -> Exchange | Unanswered:
    stamps = {"X-Request-Id": asked.id, "X-Shadow": "1"}
    if endpoint.name:
        stamps |= {"X-Deploy-Env": endpoint.name, "X-Release-Id": endpoint.release}
    left = manner.retries
    while True:
        answer = await resender.send(asked, to=endpoint.url, headers=stamps, patience=manner.timeout, largest=LARGEST)
        busy = isinstance(answer, Unanswered) or answer.status >= 500 or answer.status == 429
        if not busy or left <= 0:
            return answer
        await asyncio.sleep(_BACKOFF * 2 ** (manner.retries - left))
        left -= 1


def _read(answer: Exchange, telemetry: Telemetry) -> Reading:
    return read_answer(
        body=answer.response_body,
        content_type=answer.response_headers.get("content-type", ""),
        encoding=answer.response_headers.get("content-encoding", ""),
        path=answer.path,
        format=telemetry.format,
        fields=telemetry.fields,
        is_whole=answer.is_whole,
        cut=answer.cut,
    )


def _sample(answer: Exchange, reading: Reading, telemetry: Telemetry) -> Sample:
    asked = read_request(
        body=answer.request_body,
        content_type=answer.request_headers.get("content-type", ""),
        path=answer.path,
        format=telemetry.format,
    )
    return Sample(
        id=answer.id,
        at=answer.at,
        began=answer.began,
        environment=answer.environment,
        release=answer.release,
        route=answer.route,
        input=asked.input,
        system=asked.system,
        output=reading.text,
        status=answer.status,
        duration=max(0.0, answer.at - answer.began),
        reading=reading,
        wants_json=asked.wants_json,
    )


# ------------------------------------------------------------------ scoring


async def _finding(rule: Rule, sample: Sample, manner: Manner, spend: Spend) -> Finding:
    match rule:
        case Reference():
            seen = await asyncio.to_thread(_redacted, sample, manner)
            pair = _beside(manner.redact(rule.text)[0], seen)
            return await _paid(rule, pair, lambda: rule.plug.compare(pair), manner, spend)
        case Rubric():
            seen = await asyncio.to_thread(_redacted, sample, manner)
            return await _paid(rule, seen, lambda: rule.plug.score(seen), manner, spend)
        case text:
            return await asyncio.to_thread(_looked, text, sample.reading.text[:MOST_TEXT])


def _redacted(sample: Sample, manner: Manner) -> Sample:
    def clean(text: str) -> str:
        return manner.redact(text)[0]

    output = clean(sample.output)
    calls = tuple(replace(call, arguments=clean(call.arguments)) for call in sample.reading.tool_calls)
    return replace(
        sample,
        input=clean(sample.input),
        system=clean(sample.system),
        output=output,
        reading=replace(sample.reading, text=output, tool_calls=calls),
    )


async def _paid(
    rule: Reference | Rubric,
    item: Sample | ComparedPair,
    word: Callable[[], Awaitable[Score | ScoreFailure]],
    manner: Manner,
    spend: Spend,
) -> Finding:
    """A word that nobody gave may have been paid all the same."""
    settle = await spend(rule, item)
    if settle is None:
        return Finding(rule=rule.name, value=None, said=f"no money is left for {rule.scorer}")
    found = await _asked(rule, word, manner)
    if isinstance(found, str):
        return Finding(rule=rule.name, value=None, said=found, cost=await settle(None))
    return replace(_told(rule, sound(found, called=rule.scorer, version="")), cost=await settle(told_cost(found)))


def _looked(rule: TextRule, text: str) -> Finding:
    value, said = rule.check(text)
    return Finding(rule=rule.name, value=value, said=said)


async def _asked(
    rule: Reference | Rubric, word: Callable[[], Awaitable[Score | ScoreFailure]], manner: Manner
) -> Score | ScoreFailure | str:
    """A scorer that computes has a thread; one that asks over the network, the loop. A sentence where it gave no word."""
    try:
        async with asyncio.timeout(manner.timeout):
            if getattr(rule.plug, "in_loop", False):
                return await word()
            return await asyncio.to_thread(lambda: asyncio.run(_awaited(word)))
    except TimeoutError:
        return f"{rule.scorer} gave no word within {manner.timeout:g} s"
    except Exception as error:  # noqa: BLE001 -- a plug may raise anything, and its text may quote the answer
        return f"{rule.scorer} gave no word: {type(error).__name__}"


async def _awaited(word: Callable[[], Awaitable[Any]]) -> Any:
    return await word()


def _told(rule: Reference | Rubric, found: Score | ScoreFailure) -> Finding:
    match found:
        case ScoreFailure():
            return Finding(rule=rule.name, value=None, said=f"{rule.scorer} gave no word: {found.reason}")
        case Score():
            value = found.value if found.value is not None else None if found.passed is None else float(found.passed)
            said = found.explanation or (
                f"{value:.2f} by {rule.scorer}" if value is not None else f"{rule.scorer} says nothing"
            )
            return Finding(rule=rule.name, value=value, said=said)
        case _:
            assert_never(found)


def _beside(text: str, sample: Sample) -> ComparedPair:
    """The reference as if it were the other answer to the same input."""
    reference = Sample(
        id=f"{sample.id}-reference",
        at=sample.at,
        began=sample.began,
        environment="reference",
        release="",
        route=sample.route,
        input=sample.input,
        output=text,
        status=200,
        duration=0.0,
        reading=Reading(format=sample.reading.format, text=text),
    )
    return ComparedPair(id=sample.id, rollout="", at=sample.at, kind=PairKind.CASE, stable=reference, other=sample)
