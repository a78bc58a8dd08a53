"""Lanes: one stream of values and when each of them counts.

Without a lag all is read from `arrivals`, which counts a request when it ends. With one, only harm in errors and latency
is; harm in what answers say is read from `answers`, which counts a request a little after it began, and safety from
`settled`, which counts it that lag after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from verdigris.core.analysis.columns import Source
from verdigris.core.analysis.guardrail import Scale
from verdigris.core.analysis.lane import Lane
from verdigris.core.analysis.rows import Rows
from verdigris.core.analysis.settled import Settled
from verdigris.core.analysis.terms import Terms
from verdigris.core.analysis.track import FAR, HARM, safe_at
from verdigris.core.analysis.trial import Trial
from verdigris.core.model.metric import Guardrail
from verdigris.core.stats.arrays import Floats
from verdigris.core.stats.sketch import Sketch

USUAL = 100
"""Times of stable's answers that say how long one usually takes."""

_SHORTEST_ANSWER_LAG = 1.0
_SLOWER = 3.0
_ANSWER_WIDTH = 0.25  # seconds


class Tried(NamedTuple):
    """Rows whose harm was just tried, and the lane in which it was."""

    lane: Lane
    rows: Rows


@dataclass(kw_only=True, slots=True)
class Lanes:
    """`lag`: as in `Terms`, seconds after its begin until a request counts for safety. Of it, `scoring` is the most that
    comes on top because a word on the answer takes its time; it is shortened to what that usually takes.
    `usual` takes the times of stable's answers until there are enough of them; None from then on.
    """

    lag: float
    scoring: float
    arrivals: Lane
    answers: Settled | None
    settled: Settled | None
    usual: Sketch | None = field(default_factory=Sketch)

    @classmethod
    def start(
        cls,
        terms: Terms,
        scales: Mapping[Guardrail, Scale | None],
        *,
        lag: float,
        scoring: float = 0.0,
        usual: Sketch | None = None,
    ) -> Lanes:
        """Lanes for the guardrails that have an entry in `scales`. `usual` times are those of the past."""
        safe = safe_at(terms.multiples)
        known = usual is not None and usual.n >= USUAL
        if not lag:
            arrivals, answers, settled = Lane.start(terms, scales, (HARM, FAR, *safe)), None, None
        else:
            later = {guardrail: scale for guardrail, scale in scales.items() if Source.of(guardrail.metric).is_answer}
            at_once = {guardrail: scale for guardrail, scale in scales.items() if guardrail not in later}
            arrivals = Lane.start(terms, at_once, (HARM, FAR, safe[0]))
            answers = Settled.start(
                Lane.start(terms, later, (HARM, FAR, safe[0])), lag=answer_lag(lag, usual), width=_ANSWER_WIDTH
            )
            settled = Settled.start(Lane.start(terms, scales, safe), lag=lag)
        return cls(
            lag=lag,
            scoring=scoring,
            arrivals=arrivals,
            answers=answers,
            settled=settled,
            usual=None if known else Sketch(),
        )

    @property
    def begun(self) -> Lane:
        """The lane that takes requests in the order in which they began, the quick ones not before the slow ones."""
        return self.arrivals if self.answers is None else self.answers.lane

    def harm(self) -> dict[Guardrail, Trial]:
        """Where harm is tried, by guardrail."""
        lanes = (self.arrivals,) if self.answers is None else (self.arrivals, self.answers.lane)
        return {trial.guardrail: trial for lane in lanes for trial in lane.trials}

    def safety(self) -> dict[Guardrail, Trial]:
        """Where safety is."""
        lane = self.arrivals if self.settled is None else self.settled.lane
        return {trial.guardrail: trial for trial in lane.trials}

    def time(self, seconds: Floats) -> None:
        """Without a past, stable's first answers say how long one usually takes: it served before, so all ages end."""
        if self.answers is None or self.usual is None:
            return
        self.usual.add(seconds)
        if self.usual.n >= USUAL:
            self.answers.waiting.lag = answer_lag(self.lag, self.usual)
            if self.settled is not None and self.scoring:
                self.settled.waiting.lag = self.lag - self.scoring + answer_lag(self.scoring, self.usual)
            self.usual = None

    def fold(self, rows: Rows, admitted: Rows, past: Mapping[Source, Sketch]) -> list[Tried]:
        """Takes rows in as they come, of which `arrivals` admitted those, and settles what is due."""
        self.arrivals.fold(admitted, past)
        tried = [Tried(self.arrivals, admitted)]
        for settled in self._later():
            settled.waiting.add(rows)
        return tried + self._settle()

    def tick(self, at: Floats) -> list[Tried]:
        """Settles what is due by now, as times (unix seconds, rising) from elsewhere tell."""
        for settled in self._later():
            settled.waiting.clock.read(at)
        return self._settle()

    def _settle(self) -> list[Tried]:
        tried = []
        if self.answers is not None:
            tried = [Tried(self.answers.lane, ripe) for ripe in self.answers.settle()]
        if self.settled is not None:
            for _ in self.settled.settle():
                pass
        return tried

    def _later(self) -> Iterator[Settled]:
        return (lane for lane in (self.answers, self.settled) if lane is not None)

    def restart(self) -> None:
        self.arrivals.restart()
        for settled in self._later():
            settled.restart()

    def restart_source(self, source: Source) -> None:
        """What was proven of one quantity no longer holds, and what waits of it is dropped."""
        self.arrivals.restart_source(source)
        for settled in self._later():
            settled.restart_source(source)

    def forget_waiting(self) -> None:
        """Drops what waits for its lag, as a restart of the controller does."""
        for settled in self._later():
            settled.waiting.forget()

    def forget_units(self) -> bool:
        """Every unit counts once more where harm is tried; False where units are not told apart."""
        lanes = (self.arrivals,) if self.answers is None else (self.arrivals, self.answers.lane)
        for lane in lanes:
            if lane.units is not None:
                lane.units.forget()
        return self.arrivals.units is not None

    def dump(self) -> dict[str, Any]:
        return {
            "arrivals": self.arrivals.dump(),
            "answers": self.answers.dump() if self.answers else None,
            "settled": self.settled.dump() if self.settled else None,
            "usual": self.usual.dump() if self.usual else None,
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        self.arrivals.restore(dumped["arrivals"])
        if self.answers is not None:
            self.answers.restore(dumped["answers"])
        if self.settled is not None:
            self.settled.restore(dumped["settled"])
        self.usual = Sketch.load(dumped["usual"]) if dumped["usual"] is not None else None


def answer_lag(lag: float, usual: Sketch | None) -> float:
    """Seconds after its begin until what an answer says counts for or against the candidate.

    Long enough that a candidate some times slower than stable is not judged by its quick answers alone: three times
    stable's 99th percentile, where enough of `usual` times are known, and never beyond `lag`.
    """
    slow = usual.quantile(0.99) if usual is not None and usual.n >= USUAL else None
    return lag if slow is None else min(lag, max(_SHORTEST_ANSWER_LAG, _SLOWER * slow))
