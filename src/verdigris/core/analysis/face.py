"""The judge for programs of their own: fed one observation or pair at a time, asked for a verdict at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from verdigris.core.analysis.baseline import Baseline
from verdigris.core.analysis.blocks import BLOCK
from verdigris.core.analysis.judge import judge, outcome
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Metric
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.pair import Pair
from verdigris.core.model.score import Scored
from verdigris.core.model.verdict import Outcome, Verdict


class Analysis:
    """One comparison of a candidate with stable, from its first request to its verdict.

    An observation's `environment` says whose it is: "stable" or "candidate", unless `stable` and `candidate` name them
    otherwise; others are left out. The error rates hold however often one looks.

    - `guardrails`: what is judged. Their weights are shared out among those given.
    - `history`: what stable did before; it chooses thresholds and caps. Without it the first 200 values do.
    - `sticky`: units (users) are drawn, not requests; give each observation its `unit`.
    - `stratified`: compare inside each observation's `stratum`, and guard each of them.
    - `pairs`: the part, 0..1, of each metric's evidence that rests on shadow pairs; 0 when there are none.
    - `lag`: seconds after its begin until a request counts for PASS: the longest that one may take. Without it a request
      counts when it ends. Give it where requests last long, since the quick ones end first. What is said by an answer
      then counts a little after it began; see `docs/explanation/judge.md`.
    - `scored`: metrics that scorers of sampled answers measure (quality, cost, refusals; defects always are): give their words
      to `score`. What observations say of them is ignored. `scoring`: seconds in which such a word is there, after its
      request ended; it delays a PASS by as much at the most.
    - `horizon`: observations after which an undecided comparison is INCONCLUSIVE.
    - `min_candidate`: observations of the candidate without which there is no PASS.

    Raises: ValueError for terms that make no sense. Values that make no sense are left out and counted, never raised.
    """

    def __init__(
        self,
        guardrails: Sequence[Guardrail] = DEFAULT_GUARDRAILS,
        *,
        stable: str = Role.STABLE.value,
        candidate: str = Role.CANDIDATE.value,
        history: Sequence[Observation] = (),
        sticky: bool = False,
        stratified: bool = False,
        pairs: float = 0.0,
        lag: float = 0.0,
        scored: Sequence[Metric] = (),
        scoring: float = 0.0,
        multiples: tuple[float, ...] = (1.0,),
        horizon: int | None = None,
        min_candidate: int = 50,
    ) -> None:
        terms = Terms(
            guardrails=tuple(guardrails),
            stable=stable,
            candidate=candidate,
            sticky=sticky,
            stratified=stratified,
            lag=lag,
            pairs=pairs,
            scored=tuple(scored),
            scoring=scoring,
            multiples=multiples,
            horizon=horizon,
        )
        baseline = Baseline() if history else None
        if baseline is not None:
            baseline.fold(history, stable=stable)
        self._ledger = Ledger.begin(terms, baseline)
        self._min_candidate = min_candidate
        self._waiting: list[Observation] = []
        self._latest = 0.0

    def observe(self, observation: Observation) -> None:
        """Takes one observation in. They should come in the order of `at`, roughly; a few late ones do no harm.

        They are settled in groups of 20, and before every `verdict`.
        """
        self._waiting.append(observation)
        if len(self._waiting) >= BLOCK:
            self._settle()

    def observe_all(self, observations: Iterable[Observation]) -> None:
        """Takes a batch in, which is much quicker than one by one. The order inside it does not matter."""
        self._waiting.extend(observations)
        self._settle()

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        columns = self._ledger.fold(waiting)
        if len(columns):
            self._latest = max(self._latest, float(columns.at[-1]))

    def pair(self, pair: Pair) -> None:
        """Takes one shadow pair in."""
        self.pair_all((pair,))

    def pair_all(self, pairs: Iterable[Pair]) -> None:
        """Takes pairs in, in any order."""
        self._ledger.pair(tuple(pairs))

    def score(self, scored: Scored) -> None:
        """Takes in what scorers said of one sampled answer, once, after its request was observed."""
        self.score_all((scored,))

    def score_all(self, scored: Iterable[Scored]) -> None:
        """Takes in words on samples, in any order. Raises: ValueError where samples are no evidence: see `scored`."""
        if not self._ledger.terms.samples:
            raise ValueError("give `scored`, or a guardrail for defects: no metric is measured by samples")
        self._settle()
        self._ledger.score(tuple(scored))

    def scorers(self, failing: Mapping[str, float]) -> None:
        """The part, 0..1, of the latest tries of each scorer that failed. Above a fifth there is NO_DATA on quality."""
        self._ledger.scorers(failing)

    def expect(self, share: float | None, *, at: float = 0.0) -> None:
        """From time `at` on, requests are drawn for the candidate with probability `share`; None: not known now.

        Without it nothing is known of the split, so its ratio is not tested.
        Raises: ValueError for a share outside 0..1.
        """
        self._settle()
        self._ledger.expect(at, share)

    @property
    def outcome(self) -> Outcome:
        """The outcome of what is settled, in microseconds: fit to be asked after every request."""
        return outcome(self._ledger, at=self._latest, min_candidate=self._min_candidate)

    @property
    def evidence(self) -> float:
        """The evidence for harm of what is settled; FAIL at 20."""
        return self._ledger.failure.evidence if self._ledger.failure else self._ledger.evidence

    def verdict(self, *, at: float | None = None) -> Verdict:
        """The whole word now, with reasons, estimates and intervals, in milliseconds.

        `at` is the time of the look, by default that of the latest observation; a role that should have had requests
        lately and had none is told by it.
        """
        self._settle()
        return judge(self._ledger, at=self._latest if at is None else at, min_candidate=self._min_candidate)
