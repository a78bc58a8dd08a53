"""Puts people's labelled answers to a judge, within a budget, and counts how often both say the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from verdigris.adapters.scorers.judge import DISAGREES
from verdigris.assemble.scorers import bench
from verdigris.cli.judge.labels import WORDS, Label, Labels
from verdigris.controller.quality.bench import Bench
from verdigris.core.model.calibration import Calibration, On
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.quality import Budget, Quality, ScorerUse
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.core.stats.agreement import Share, corrected, kappa
from verdigris.ports import Prices, Reservation


@dataclass(kw_only=True, slots=True)
class Purse:
    """A Till of one run: never more than `most` USD, and where no price is known never more than `requests`."""

    most: float
    requests: int
    total: float = 0.0

    async def open(self) -> None:
        """There is nothing to open."""

    async def reserve(
        self,
        purse: str,
        amount: float | None,
        *,
        budget: Budget,  # noqa: ARG002 -- the run has its own
        rollout: str,  # noqa: ARG002 -- as above
        at: float,  # noqa: ARG002 -- as above
    ) -> Reservation | None:
        if amount is None:
            self.requests -= 1
            is_left = self.requests >= 0 and self.total < self.most  # what it costs is known afterwards
            return Reservation(id=0, purse=purse, amount=0.0) if is_left else None
        if self.total + amount > self.most:
            return None
        self.total += amount
        return Reservation(id=0, purse=purse, amount=amount)

    async def settle(self, reservation: Reservation, spent: float | None) -> None:
        if spent is not None:
            self.total += spent - reservation.amount

    async def spent(self, purse: str, *, rollout: str, at: float) -> tuple[float, float]:  # noqa: ARG002 -- one run
        return self.total, self.total

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What came of it. `said` holds what people and the judge said of each label that it gave a word on; `failed` counts the others."""

    scorer: str
    version: str
    on: On
    said: Sequence[tuple[str, str]]
    swayed: int
    failed: Counter[Trouble] = field(default_factory=Counter)
    cost: float = 0.0

    @property
    def table(self) -> Any:
        """Counts (k, k): rows are people's words, columns the judge's, in the order of `WORDS`."""
        words = WORDS[self.on]
        counts = np.zeros((len(words), len(words)))
        for people, judge in self.said:
            counts[words.index(people), words.index(judge)] += 1
        return counts

    @property
    def agreement(self) -> Share:
        return Share(count=sum(people == judge for people, judge in self.said), n=len(self.said))

    @property
    def kappa(self) -> tuple[float, float, float] | None:
        return kappa(self.table)

    @property
    def sensitivity(self) -> Share:
        """Of those that people give the positive label, how many the judge does."""
        yes = WORDS[self.on][0]
        judged = [judge == yes for people, judge in self.said if people == yes]
        return Share(count=sum(judged), n=len(judged))

    @property
    def specificity(self) -> Share:
        yes = WORDS[self.on][0]
        judged = [judge != yes for people, judge in self.said if people != yes]
        return Share(count=sum(judged), n=len(judged))

    @property
    def positive(self) -> tuple[Share, Share]:
        """How often people give the positive label, and the judge."""
        yes = WORDS[self.on][0]
        by = [sum(each[place] == yes for each in self.said) for place in (0, 1)]
        return Share(count=by[0], n=len(self.said)), Share(count=by[1], n=len(self.said))

    @property
    def corrected(self) -> tuple[float, float, float] | None:
        """The judge's rate of the positive label, corrected for its errors."""
        return corrected(self.positive[1], sensitivity=self.sensitivity, specificity=self.specificity)

    @property
    def order(self) -> Share:
        """Pairs on which the judge said something else the other way round."""
        return Share(count=self.swayed, n=len(self.said) if self.on == "pairs" else 0)

    def calibration(self, at: float) -> Calibration:
        found = self.kappa
        return Calibration(
            scorer=self.scorer,
            version=self.version,
            on=self.on,
            labels=len(self.said),
            kappa=None if found is None else found[0],
            at=at,
        )


def ask(use: ScorerUse, labels: Labels, *, budget: float, prices: Prices, done: Callable[[], None]) -> Asked:
    """Raises: ConfigError when the scorer cannot be made, or is none for these labels."""
    options = dict(use.options) | ({"on": labels.on} if use.use == "judge" else {})
    purse = Purse(most=budget, requests=len(labels.labels) * (use.retries + 1))
    made = bench(Quality(scorers=(replace(use, options=options, gate=False),)), till=purse, prices=prices)
    seat = made.seats[0]
    if not seat.takes("score" if labels.on == "samples" else "compare"):
        raise ConfigError(
            f"{seat.called} gives no word on {'single answers' if labels.on == 'samples' else 'pairs'}",
            hint="label the other kind, or name another scorer",
        )
    words = asyncio.run(_all(made, labels.labels, use.concurrency, done))
    return _counted(labels, words, scorer=seat.called, version=seat.plug.version)


async def _all(
    made: Bench, labels: Sequence[Label], concurrency: int, done: Callable[[], None]
) -> list[Score | ScoreFailure]:
    turn = asyncio.Semaphore(concurrency)

    async def one(item: Any) -> Score | ScoreFailure:
        async with turn:
            words = await (made.score(item) if isinstance(item, Sample) else made.compare(item))
        done()
        return words[0]

    try:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(one(label.item)) for label in labels]
        return [task.result() for task in asked]
    finally:
        await made.close()


def _counted(labels: Labels, words: Sequence[Score | ScoreFailure], *, scorer: str, version: str) -> Asked:
    said: list[tuple[str, str]] = []
    failed: Counter[Trouble] = Counter()
    for label, word in zip(labels.labels, words, strict=True):
        judged = None if isinstance(word, ScoreFailure) else _word(labels.on, word)
        if judged is not None:
            said.append((label.says, judged))
        else:
            failed[word.trouble if isinstance(word, ScoreFailure) else Trouble.UNREADABLE] += 1
    return Asked(
        scorer=scorer,
        version=version,
        on=labels.on,
        said=said,
        swayed=sum(isinstance(word, Score) and word.label == DISAGREES for word in words),
        failed=failed,
        cost=sum(word.cost for word in words),
    )


def _word(on: On, word: Score) -> str | None:
    """The label that a score stands for."""
    if on == "samples":
        good = word.passed if word.value is None else word.value >= 0.5
        return None if good is None else "pass" if good else "fail"
    if word.value is None:
        return None
    return "second" if word.value > 0.5 else "first" if word.value < 0.5 else "tie"
