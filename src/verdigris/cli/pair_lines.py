"""Samples and pairs as lines for people."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from verdigris.cli.human import age, columns, counted, number, pairs, shortened, when
from verdigris.wire import (
    MoneyView,
    NoiseView,
    PairList,
    PairView,
    QualityView,
    SampleList,
    SampleView,
    ScorerView,
    ScoreView,
    SpreadView,
    WorkView,
)

NARROWEST = 60
_BETWEEN = " │ "


def list_lines(listed: PairList) -> list[str]:
    if not listed.pairs:
        return ["no such pairs are kept"]
    header = ("ID", "AT", "KIND", "OUTCOME", "WORDS", "INPUT")
    rows = [
        (pair.id, age(pair.at), pair.kind.value, pair.outcome, _words(pair.scores), shortened(_shown(_asked(pair)), 60))
        for pair in listed.pairs
    ]
    more = [] if listed.before is None else [f"older ones: --before {listed.before}"]
    return [*columns(header, rows), *more]


def _asked(pair: PairView) -> str:
    return f"{pair.case}: {pair.stable.input}" if pair.case else pair.stable.input


def sample_lines(listed: SampleList) -> list[str]:
    if not listed.samples:
        return ["no such samples are kept"]
    header = ("ID", "AT", "ENVIRONMENT", "STATUS", "WORDS", "INPUT", "OUTPUT")
    rows = [
        (
            sample.id,
            age(sample.at),
            sample.environment,
            str(sample.status),
            _words(sample.scores),
            shortened(_shown(sample.input), 40) or "-",
            shortened(_shown(sample.output), 40) or "-",
        )
        for sample in listed.samples
    ]
    more = [] if listed.before is None else [f"older ones: --before {listed.before}"]
    return [*columns(header, rows), *more]


def _words(scores: Sequence[ScoreView]) -> str:
    return ", ".join(_word(score) for score in scores) or "-"


def _word(score: ScoreView) -> str:
    """`judge 0.70 better`, `heuristics passed`, `judge: timeout`."""
    if score.trouble is not None:
        return f"{score.scorer}: {score.trouble.value}"
    value = "" if score.value is None else f" {score.value:.2f}"
    passed = "" if score.passed is None else " passed" if score.passed else " failed"
    return f"{score.scorer}{value}{passed}{f' {shortened(_shown(score.label), 60)}' if score.label else ''}"


# ------------------------------------------------------------------ one pair


def pair_lines(pair: PairView) -> list[str]:
    wide = max(NARROWEST, shutil.get_terminal_size((120, 24)).columns)
    return [
        *pairs(_pair_rows(pair)),
        "",
        "asked",
        *_wrapped(pair.stable.input, wide),
        "",
        *_beside(_answer(pair.stable, "stable"), _answer(pair.other, _role(pair)), (wide - len(_BETWEEN)) // 2),
        *_said(pair),
    ]


def _pair_rows(pair: PairView) -> Iterator[tuple[str, str | list[str]]]:
    yield "pair", f"{pair.id} of {pair.rollout}, {pair.kind.value}{f' {pair.case}' if pair.case else ''}"
    yield "at", when(pair.at)
    yield "route", _shown(pair.stable.route)
    yield "outcome", pair.outcome
    yield "spent", "not known" if pair.spent is None else f"{pair.spent:.6f} USD"
    if pair.stable.system:
        yield "system", shortened(_shown(pair.stable.system), 200)


def _role(pair: PairView) -> str:
    return {"shadow": "candidate", "self": "stable again", "case": "candidate"}[pair.kind.value]


def _answer(sample: SampleView, role: str) -> list[str]:
    tokens = " ".join(
        f"{count} {way}"
        for count, way in ((sample.usage.input, "in"), (sample.usage.output, "out"))
        if count is not None
    )
    head = [
        f"{role}: {sample.environment} ({sample.release})",
        f"{sample.status} in {sample.duration:.2f} s, tokens: {tokens or 'not known'}",
    ]
    model = [f"model {sample.model}"] if sample.model else []
    calls = [f"calls {call.name}({call.arguments})" for call in sample.tool_calls]
    return [*head, *model, "", *sample.output.splitlines(), *calls]


def _beside(left: Sequence[str], right: Sequence[str], wide: int) -> list[str]:
    both = zip_longest(
        [line for text in left for line in _wrapped(text, wide)],
        [line for text in right for line in _wrapped(text, wide)],
        fillvalue="",
    )
    return [f"{one:<{wide}}{_BETWEEN}{other}".rstrip() for one, other in both]


def _wrapped(text: str, wide: int) -> list[str]:
    return [
        line for part in _shown(text).split("\n") for line in textwrap.wrap(part, wide, drop_whitespace=False) or [""]
    ]


def _shown(text: str) -> str:
    """A model's text must not steer the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text.expandtabs(4))


def _said(pair: PairView) -> Iterator[str]:
    for title, scores in (
        ("said of both together", pair.scores),
        ("said of stable's", pair.stable.scores),
        (f"said of {_role(pair)}'s" if _role(pair) == "candidate" else "said of the second", pair.other.scores),
    ):
        if scores:
            yield from ("", title)
            yield from (f"  {_word(score)}{_why(score)}" for score in scores)


def _why(score: ScoreView) -> str:
    why = score.reason or score.explanation
    return f": {shortened(_shown(why), 300)}" if why else ""


# ------------------------------------------------------------------ the work


def work_line(work: WorkView) -> str:
    """All of it in one line."""
    made = sum(work.pairs.values())
    dropped = sum(work.dropped.values())
    told = f"{counted(work.samples, 'sample')} read"
    if missed := sum(work.missed.values()):
        told += f", {number(missed)} missed"
    if made or dropped:
        told += f"; {counted(made, 'pair')} made, {number(dropped)} dropped"
    failing = [
        f"{each.scorer} gave no word in {number(each.failures)} of {number(each.tries)}"
        for each in work.scorers
        if each.failures
    ]
    return "; ".join([told, *failing])


def quality_lines(quality: QualityView) -> list[str]:
    return pairs(list(_quality_rows(quality)))


def _quality_rows(quality: QualityView) -> Iterator[tuple[str, str | list[str]]]:
    work = quality.work
    yield "rollout", quality.rollout
    if quality.problems:
        yield "problems", list(quality.problems)
    yield "samples", f"{number(work.samples)} read{_by_reason('; missed', work.missed)}"
    yield "kept", f"{number(work.kept)}{f', {number(work.not_kept)} could not be' if work.not_kept else ''}"
    yield "pairs", f"{_by_reason('', work.pairs) or 'none'}{_by_reason('; dropped', work.dropped)}"
    if work.overruns:
        yield "", f"{counted(work.overruns, 'pair')} cost more than was set aside"
    yield "money", [_money(each) for each in quality.money] if quality.money is not None else "not known; none is spent"
    if work.scorers:
        yield "scorers", [_scorer(each) for each in work.scorers]
    if quality.noise:
        yield "noise", [_noise(each) for each in quality.noise]


def _by_reason(title: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    listed = ", ".join(f"{number(count)} {reason.replace('_', ' ')}" for reason, count in sorted(counts.items()))
    return f"{title} {listed}".strip() if not title else f"{title} {listed}"


def _money(money: MoneyView) -> str:
    left = "unbounded" if money.remaining is None else f"{money.remaining:.4f} USD left"
    return f"{money.purse}: {money.rollout:.4f} USD on this rollout, {money.day:.4f} USD today; {left}"


def _scorer(each: ScorerView) -> str:
    share = "" if each.failure_share is None else f", no word in {each.failure_share:.1%}"
    gates = ", gates" if each.gates else ""
    return f"{each.scorer}: asked {number(each.tries)} times{share}{gates}"


def _noise(each: NoiseView) -> str:
    return f"{each.scorer}: shadow {_spread(each.shadow)}, stable with itself {_spread(each.itself)}"


def _spread(spread: SpreadView) -> str:
    if spread.mean is None:
        return "none"
    within = "" if spread.low is None or spread.high is None else f" ({spread.low:.3f}..{spread.high:.3f})"
    return f"{spread.mean:.3f}{within} in {number(spread.n)}"
