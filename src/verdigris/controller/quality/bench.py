"""The bench: the scorers in use, each asked within its bounds of time, money, tries and how much runs at once.

A scorer that fails gives a ScoreFailure: never a word, never the candidate's fault. Free checks find defects, and gate. A judge's word
gates once people's labels have shown how far it can be trusted, or where its owner says so; until then it is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from verdigris.controller.clock import Clock
from verdigris.controller.quality.health import Tries
from verdigris.controller.quality.meaning import Gates, meaning, pair_meaning
from verdigris.controller.quality.parts import PairWord, Words
from verdigris.controller.quality.purses import purse_of
from verdigris.controller.quality.worker import Died, Worker
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.errors import StoreError
from verdigris.core.model.paid import money, most_cost, told_cost
from verdigris.core.model.quality import DEFAULT_BUDGET, Budget, ScorerUse
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, Scored, ScoreFailure, Trouble
from verdigris.core.reading.sound import sound
from verdigris.ports import Reservation, Till

LATEST = 50
"""Tries over which the share of failures is taken."""

FEWEST = 10
"""Tries without which nothing is said of that share."""

MOST_WAITING = 64
"""Questions that wait for one scorer; further ones are failures at once."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_AGAIN = frozenset({Trouble.TIMEOUT, Trouble.UNREACHABLE, Trouble.THROTTLED})


@dataclass(kw_only=True, slots=True)
class Seat:
    """One scorer in use. `place` is where its `worker` has it, which is None for a scorer that runs in the loop.

    `gates`: its words count for the verdict. `called` tells two uses of one plug apart. `dearest` is the USD of the try that passed most
    what was set aside for it: from then on as much is.
    """

    use: ScorerUse
    plug: Any
    gates: bool
    worker: Worker | None = None
    place: int = 0
    tries: int = 0
    failures: int = 0
    cost: float = 0.0
    dearest: float = 0.0
    waiting: int = 0
    latest: deque[bool] = field(default_factory=lambda: deque(maxlen=LATEST))
    turn: asyncio.Semaphore = field(init=False)
    version: str = field(init=False)
    says_free: bool = field(init=False)

    def __post_init__(self) -> None:
        self.turn = asyncio.Semaphore(self.use.concurrency)
        # Asked once: a plug of others may read its weights to tell its version, which the loop does not wait for at each word.
        self.version, self.says_free = self.plug.version, bool(self.plug.is_free)

    @property
    def called(self) -> str:
        return self.use.name or self.use.use

    @property
    def is_free(self) -> bool:
        """As it says, and as long as no word of it told a cost."""
        return self.says_free and self.dearest == 0.0

    def takes(self, method: str) -> bool:
        """Whether it gives words on samples (`score`) or on pairs (`compare`)."""
        on = getattr(self.plug, "on", "both")
        wanted = {"score": ("samples", "both"), "compare": ("pairs", "both")}[method]
        return on in wanted and hasattr(self.plug, method)

    @property
    def failing(self) -> float | None:
        """The share of its latest tries that failed, 0..1; None while there were few."""
        return sum(self.latest) / len(self.latest) if len(self.latest) >= FEWEST else None


@dataclass(kw_only=True, slots=True)
class Bench:
    """See `Scoring`. `rollout` names the one whose budget is spent now, empty where none runs. `waits`: nothing is paid while none does."""

    seats: Sequence[Seat]
    till: Till
    rollout: Callable[[], str]
    clock: Clock = field(default_factory=Clock)
    sleep: Callable[[float], Any] = asyncio.sleep
    waits: bool = False

    # ------------------------------------------------------------------ words

    async def score(self, sample: Sample) -> Words:
        return await self._all("score", sample)

    async def compare(self, pair: ComparedPair) -> Words:
        return await self._all("compare", pair)

    def scored(self, sample: Sample, *, cost: float | None) -> Scored:
        return meaning(sample, self._gates, cost=cost)

    def word(self, pair: ComparedPair) -> PairWord:
        return pair_meaning(pair, self._gates)

    def spends_for(self, rollout: Callable[[], str]) -> None:
        self.rollout, self.waits = rollout, True

    @property
    def tries(self) -> tuple[Tries, ...]:
        return tuple(
            Tries(
                scorer=seat.called,
                version=seat.version,
                tries=seat.tries,
                failures=seat.failures,
                cost=seat.cost,
                gates=seat.gates,
            )
            for seat in self.seats
        )

    @property
    def grades(self) -> bool:
        """Whether a scorer whose word gates gives single answers a quality: then that is the service's, not what it reports itself."""
        return any(seat.gates and seat.takes("score") and not _finds_defects(seat) for seat in self.seats)

    @property
    def tells_refusals(self) -> bool:
        """Whether a scorer whose word gates tells of single answers whether they refuse, in whatever words."""
        return any(_tells_refusals(seat) for seat in self.seats)

    @property
    def failing(self) -> Mapping[str, float]:
        """Of the scorers whose words gate: the share of their latest tries that failed."""
        return {seat.called: share for seat in self.seats if seat.gates and (share := seat.failing) is not None}

    async def close(self) -> None:
        for seat in self.seats:
            if seat.worker is not None:
                await seat.worker.close()  # with all that was opened there; here nothing was
            elif hasattr(seat.plug, "close"):
                with contextlib.suppress(Exception):  # nothing of it is needed any more
                    await seat.plug.close()

    # ------------------------------------------------------------------ asking

    @property
    def _gates(self) -> Gates:
        return Gates(
            quality=frozenset(seat.called for seat in self.seats if seat.gates),
            pairs=frozenset(seat.called for seat in self.seats if seat.gates and seat.takes("compare")),
            samples=frozenset(seat.called for seat in self.seats if seat.gates and seat.takes("score")),
            refusals=frozenset(seat.called for seat in self.seats if _tells_refusals(seat)),
            defects=frozenset(seat.called for seat in self.seats if seat.gates and _finds_defects(seat)),
        )

    async def _all(self, method: str, item: Sample | ComparedPair) -> Words:
        pays = not self.waits or self.rollout() != ""
        asked = [self._ask(seat, method, item) for seat in self.seats if seat.takes(method) and (pays or seat.is_free)]
        return tuple(await asyncio.gather(*asked))

    async def _ask(self, seat: Seat, method: str, item: Sample | ComparedPair) -> Score | ScoreFailure:
        if seat.waiting >= MOST_WAITING:
            return self._count(seat, _failure(seat, Trouble.OVERLOADED, f"{MOST_WAITING} others wait for it already"))
        seat.waiting += 1
        try:
            async with seat.turn:
                word = await self._until_it_answers(seat, method, item)
        finally:
            seat.waiting -= 1
        return self._count(seat, word)

    async def _until_it_answers(self, seat: Seat, method: str, item: Sample | ComparedPair) -> Score | ScoreFailure:
        """Tries again, later and later, where that can help. What failed tries cost is in the word's cost."""
        spent, pause, left = 0.0, _FIRST_PAUSE, seat.use.retries
        while True:
            word = await self._paid(seat, method, item)
            spent += word.cost
            if isinstance(word, Score) or left == 0 or not _may_help(seat, word.trouble):
                return replace(word, cost=spent)
            await self.sleep(min(_LONGEST_PAUSE, word.again_after or pause))
            pause, left = pause * 2, left - 1

    async def _paid(self, seat: Seat, method: str, item: Sample | ComparedPair) -> Score | ScoreFailure:
        """One try. What nobody told costs what was set aside for it."""
        if seat.is_free:
            word, spent = await self._tried(seat, method, item)
            await self._book(seat, spent or 0.0)
            return word
        try:
            held = await self._reserve(seat, item)
        except StoreError:
            return _failure(seat, Trouble.BUDGET, "the till cannot be used, so nothing is spent")
        if held is None:
            return _failure(
                seat, Trouble.BUDGET, "its budget is used up, or its price is not known and no requests are allowed"
            )
        spent = None
        try:
            word, spent = await self._tried(seat, method, item)
        finally:
            with contextlib.suppress(StoreError):  # then all that was reserved stays spent
                await self.till.settle(held, spent)
        if spent is None:
            return replace(word, cost=held.amount)
        if spent > held.amount:
            seat.dearest = max(seat.dearest, spent)
        return word

    async def _reserve(self, seat: Seat, item: Sample | ComparedPair) -> Reservation | None:
        most = await self._most(seat, item)
        if most is not None or seat.says_free:
            most = max(most or 0.0, seat.dearest)
        return await self._set_aside(seat, most, seat.use.budget or DEFAULT_BUDGET)

    async def _most(self, seat: Seat, item: Sample | ComparedPair) -> float | None:
        """Asked where the scorer itself is: one that never ends may not hold up the loop here either."""
        if seat.worker is None:
            return most_cost(seat.plug, item)
        try:
            return money(await seat.worker.ask(seat.place, "most", item, timeout=seat.use.timeout))
        except (TimeoutError, Died):
            return None

    async def _book(self, seat: Seat, spent: float) -> None:
        """Of a scorer that was taken to be free: from here on it is not."""
        if spent > 0.0:
            seat.dearest = max(seat.dearest, spent)
            with contextlib.suppress(StoreError):
                if (held := await self._set_aside(seat, spent, Budget())) is not None:
                    await self.till.settle(held, spent)

    async def _set_aside(self, seat: Seat, amount: float | None, budget: Budget) -> Reservation | None:
        return await self.till.reserve(
            purse_of(seat.use), amount, budget=budget, rollout=self.rollout(), at=self.clock.now()
        )

    async def _tried(
        self, seat: Seat, method: str, item: Sample | ComparedPair
    ) -> tuple[Score | ScoreFailure, float | None]:
        """A word and what it cost, None where nobody told. Never raises but a cancellation."""
        try:
            if seat.worker is not None:
                word = await seat.worker.ask(seat.place, method, item, timeout=seat.use.timeout)
            else:
                async with asyncio.timeout(seat.use.timeout):
                    word = await getattr(seat.plug, method)(item)
        except TimeoutError:
            return _failure(seat, Trouble.TIMEOUT, f"no word within {seat.use.timeout:g} s"), None
        except Died as error:
            return _failure(seat, Trouble.CRASHED, str(error)), None
        except Exception as error:  # noqa: BLE001 -- whatever a scorer does wrong is a failure of that scorer
            return _failure(seat, Trouble.CRASHED, f"{type(error).__name__} in the scorer"), None
        spent, found = told_cost(word), sound(word, called=seat.called, version=seat.version)
        return found, told_cost(found) if spent == 0.0 else spent

    def _count(self, seat: Seat, word: Score | ScoreFailure) -> Score | ScoreFailure:
        failed = isinstance(word, ScoreFailure)
        seat.tries += 1
        seat.failures += failed
        seat.cost += word.cost
        seat.latest.append(failed)
        return word


def _may_help(seat: Seat, trouble: Trouble) -> bool:
    """What computes for too long does so again, and holds up the other scorers of its process."""
    return trouble in _AGAIN and not (trouble is Trouble.TIMEOUT and seat.worker is not None)


def _finds_defects(seat: Seat) -> bool:
    return bool(getattr(seat.plug, "finds_defects", False))


def _tells_refusals(seat: Seat) -> bool:
    return seat.gates and seat.takes("score") and bool(getattr(seat.plug, "tells_refusals", False))


def _failure(seat: Seat, trouble: Trouble, reason: str) -> ScoreFailure:
    return ScoreFailure(scorer=seat.called, version=seat.version, trouble=trouble, reason=reason)
