"""The Meters: what requests, scorers, pairs and decisions add up to, by side and model. Memory is bounded by the number of names."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypeGuard

from verdigris.controller.quality.browse import outcome_of
from verdigris.controller.telemetry.bounded import LONGEST, Names, Spreads, Tally
from verdigris.controller.telemetry.provider import provider_of
from verdigris.core.analysis.columns import LARGEST, Source
from verdigris.core.model.command import Announce, Decision
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.event import Event, Judged, SplitApplied, SplitRefused
from verdigris.core.model.meter import Evaluation, Family, Labels
from verdigris.core.model.observation import Observation, Role
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure

MOST_MODELS = 20
MOST_ENVIRONMENTS = 20
MOST_SCORERS = 50
MOST_WORDS = 50
"""Names that are told apart, of each label; of kinds and of outcomes 50 each. Further ones are `other`."""

MOST_ROLLOUTS = 4
"""Rollouts whose series are kept; those of older ones are let go, so that no sum jumps."""

MOST_EVALUATIONS = 2_000
"""Scorers' words that wait to be exported."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""Bounds that OpenTelemetry's conventions for generative AI ask for."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

_SIDE = ("rollout", "environment", "role")
_MODEL = (*_SIDE, "model", "provider")

Spending = Literal["serving", "shadow", "judge"]


class Meters:
    """Small methods that others call; none of them raises or waits."""

    def __init__(self, service: str, *, rollout: Callable[[], Rollout | None], stable: Callable[[], str]) -> None:
        """`rollout` is the latest one, `stable` the environment that serves when none runs."""
        self._common: Labels = (("service", service),)
        self._rollout, self._stable = rollout, stable
        self._rollouts: deque[str] = deque()
        self._models, self._environments = Names(MOST_MODELS), Names(MOST_ENVIRONMENTS)
        self._scorers = Names(MOST_SCORERS)
        self._kinds, self._outcomes = Names(MOST_WORDS), Names(MOST_WORDS)
        self.evaluations: deque[Evaluation] = deque(maxlen=MOST_EVALUATIONS)
        self._requests = Tally("requests", "Requests answered, by class of status.", (*_SIDE, "code_class"))
        self._durations = Spreads(
            "request_duration_seconds", "From the first byte of the request to the end of the answer.", _MODEL, SECONDS
        )
        self._first_bytes = Spreads(
            "time_to_first_byte_seconds", "Until the first byte of the answer's body.", _MODEL, SECONDS
        )
        self._sizes = Spreads("request_tokens", "Tokens of a request.", (*_MODEL, "type"), TOKENS)
        self._tokens = Tally(
            "tokens",
            "Tokens used; those of caches and of reasoning are parts of the others.",
            (*_MODEL, "type", "source"),
        )
        self._costs = Tally("cost_usd", "USD spent: on users' requests, on shadow pairs, on judges.", (*_MODEL, "kind"))
        self._unknown = Tally(
            "cost_unknown", "Requests with tokens, and second answers, whose cost is not known.", _MODEL
        )
        self._refusals = Tally("refusals", "Refused requests, by kind.", (*_SIDE, "kind"))
        self._scores = Spreads("scores", "Scorers' values, 0 to 1.", (*_SIDE, "scorer"), SHARES)
        self._failures = Tally(
            "scorer_failures", "Times a scorer gave no word, by reason.", (*_SIDE, "scorer", "reason")
        )
        self._pairs = Tally("pairs", "Pairs made, by what became of them.", ("rollout", "outcome"))
        self._decisions = Tally("decisions", "What was decided, and on whose word.", ("rollout", "action", "reason"))
        self._all = (
            self._requests, self._durations, self._first_bytes, self._tokens, self._costs, self._unknown, self._refusals,
            self._scores, self._failures, self._pairs, self._decisions,
        )  # fmt: skip

    # ------------------------------------------------------------------ requests

    def observe(self, observations: Sequence[Observation]) -> None:
        """What requests did, priced where their price is known."""
        groups: defaultdict[tuple[str, str | None], list[Observation]] = defaultdict(list)
        for observation in observations:
            groups[observation.environment, observation.response_model].append(observation)
        for (environment, model), group in groups.items():
            side = self._side(environment)
            self._measure(side, (*side, self._models[model], provider_of(model)), group)

    def _measure(self, side: tuple[str, ...], key: tuple[str, ...], group: list[Observation]) -> None:
        classes: defaultdict[int, int] = defaultdict(int)
        for each in group:
            classes[each.status // 100] += 1
            if each.refusal:
                self._refusals.add((*side, self._kinds[each.finish_reason or "unnamed"]))
        for number, count in classes.items():
            self._requests.add((*side, f"{number}xx" if 1 <= number <= 5 else "none"), count)
        self._durations.add(key, (each.duration for each in group))
        self._first_bytes.add(key, (each.time_to_first_byte for each in group if each.time_to_first_byte is not None))
        self._add_tokens(key, "input", [each.input_tokens for each in group if each.input_tokens])
        self._add_tokens(key, "output", [each.output_tokens for each in group if each.output_tokens])
        for kind, counts in (
            ("cache_read", (each.cache_read_tokens for each in group)),
            ("cache_write", (each.cache_write_tokens for each in group)),
            ("reasoning", (each.reasoning_tokens for each in group)),
        ):
            self._tokens.add((*key, kind, "gateway"), sum(filter(None, counts)))
        self._costs.add((*key, "serving"), sum(each.cost for each in group if _is_cost(each.cost)))
        self._unknown.add(key, sum(each.output_tokens is not None and not _is_cost(each.cost) for each in group))

    def _add_tokens(self, key: tuple[str, ...], kind: str, counts: list[int]) -> None:
        self._tokens.add((*key, kind, "gateway"), sum(counts))
        self._sizes.add((*key, kind), counts)

    # ------------------------------------------------------------------ scorers and pairs

    def sample(self, sample: Sample) -> None:
        """A sample with all words on it: the words, and what the judges among the scorers cost."""
        side = self._side(sample.environment)
        self._words(side, sample.at, sample.scores)

    def pair(self, pair: ComparedPair) -> None:
        """A pair with all words on it: what came of it, or its kind where it is no evidence, and the words.

        What its second answer cost is told to `spend`.
        """
        outcome = outcome_of(pair) if pair.kind is PairKind.SHADOW else pair.kind
        self._pairs.add((self._named(pair.rollout), self._outcomes[outcome.value]))
        role = Role.STABLE if pair.kind is PairKind.SELF else Role.CANDIDATE
        side = (self._named(pair.rollout), self._environments[pair.other.environment], role.value)
        self._words(side, pair.at, (*pair.other.scores, *pair.scores))

    def spend(self, kind: Spending, usd: float | None, *, environment: str = "", model: str | None = None) -> None:
        """Money that was spent beside what users' requests cost, None where nobody can say. Judges' is counted with their words already."""
        key = (*self._side(environment), self._models[model], provider_of(model))
        if _is_cost(usd):
            self._costs.add((*key, kind), usd)
        else:
            self._unknown.add(key)

    def _words(self, side: tuple[str, ...], at: float, words: Iterable[Score | ScoreFailure]) -> None:
        for word in words:
            scorer = self._scorers[word.scorer]
            if _is_cost(word.cost):
                self._costs.add((*side, "", "", "judge"), word.cost)  # whose model judged is not said
            if isinstance(word, Score):
                if word.value is not None:
                    self._scores.add_one((*side, scorer), word.value)
            else:
                self._failures.add((*side, scorer, word.trouble.value))
            self.evaluations.append(_evaluation(side, scorer, at, word))

    # ------------------------------------------------------------------ decisions

    def decide(self, event: Event, decision: Decision) -> None:
        """What was decided, by what is announced of it, and on whose word."""
        rollout = self._named(decision.rollout.id)
        for command in decision.commands:
            if isinstance(command, Announce):
                self._decisions.add((rollout, command.topic.value, _reason(event)))

    # ------------------------------------------------------------------ asked

    def families(self) -> tuple[Family, ...]:
        """Everything that is counted, as it stands now."""
        return tuple(each.family(self._common) for each in self._all)

    @property
    def sizes(self) -> Family:
        """Tokens a request, for those who ask for a histogram of them."""
        return self._sizes.family(self._common)

    @property
    def common(self) -> Labels:
        return self._common

    def _side(self, environment: str) -> tuple[str, str, str]:
        """Rollout, environment and role of what happened in an environment just now."""
        rollout, name = self._rollout(), self._environments[environment]
        if rollout is None or rollout.phase.is_final:
            return "", name, Role.STABLE.value if environment == self._stable() else ""
        roles = {rollout.stable.environment: Role.STABLE.value, rollout.candidate.environment: Role.CANDIDATE.value}
        return self._named(rollout.id), name, roles.get(environment, "")

    def _named(self, rollout: str) -> str:
        """The rollout as its series are called. With a new one, the oldest one's series go."""
        shown = rollout[:LONGEST]
        if shown and shown not in self._rollouts:
            self._rollouts.append(shown)
            if len(self._rollouts) > MOST_ROLLOUTS:
                gone = self._rollouts.popleft()
                for each in (*self._all, self._sizes):
                    each.forget(gone)
        return shown


def _is_cost(usd: float | None) -> TypeGuard[float]:
    """One that makes no sense would stay in the sum for ever."""
    return usd is not None and 0.0 <= usd <= LARGEST[Source.COST]


def _reason(event: Event) -> str:
    match event:
        case Judged():
            return event.verdict.outcome.value
        case SplitApplied() | SplitRefused():
            return "data_plane"
        case _:
            return "person"


def _evaluation(side: tuple[str, ...], scorer: str, at: float, word: Score | ScoreFailure) -> Evaluation:
    rollout, environment, role = side
    plain = Evaluation(at=at, scorer=scorer, version=word.version, environment=environment, rollout=rollout, role=role)
    if isinstance(word, Score):
        return replace(plain, value=word.value, label=word.label[:LONGEST])
    return replace(plain, trouble=word.trouble.value)
