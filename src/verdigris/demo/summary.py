"""The end of the demo: what was decided, when, after how much, why, and who saw it. Pure: recorded results to text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from verdigris.core.model.rollout import Phase
from verdigris.demo.scenes import Ending, complaints, pairs_of
from verdigris.demo.words import measured, metric, share, standing

_WIDTH = 110


def summary(endings: Sequence[Ending], *, seconds: float) -> list[str]:
    """Lines for a person. `seconds` is how long the whole demo took."""
    lines = ["", "What happened", "============="]
    for number, ending in enumerate(endings, start=1):
        lines += ["", *_scene(number, ending)]
    return [*lines, "", *_whole(endings, seconds)]


def exit_code(endings: Sequence[Ending], *, expected: int) -> int:
    """0 when all `expected` rollouts ended as they should, else 1."""
    return 0 if len(endings) == expected and not any(complaints(ending) for ending in endings) else 1


def _scene(number: int, ending: Ending) -> Iterator[str]:
    scene, rollout = ending.scene, ending.rollout
    yield f"{number}. {scene.title.capitalize()}: release {scene.version} in {scene.environment}."
    if rollout is not None:
        seen = rollout.samples.candidate if rollout.samples else 0
        yield f"   {_decided(ending, rollout.phase)}"
        yield f"   The judge had measured {seen:,} of the candidate's requests by then."
        yield from _wrapped(f"Why: {rollout.reason or 'no reason was given'}")
        yield from _findings(ending)
        yield from _pairs(ending)
        yield from _users(ending)
    for complaint in complaints(ending):
        yield f"   NOT AS IT SHOULD BE: {complaint}"


def _decided(ending: Ending, phase: Phase) -> str:
    after = "" if ending.seconds is None else f" {ending.seconds:.1f} s after its start"
    match phase:
        case Phase.PROMOTED:
            return f"PROMOTED{after}: all traffic goes to it now."
        case Phase.ROLLED_BACK:
            return f"ROLLED BACK by itself{after}; at that time {ending.peak:g} % of the users had it."
        case _:
            return f"NOT DECIDED: its rollout is still {phase.value.replace('_', ' ')}, at {ending.peak:g} %."


def _findings(ending: Ending) -> Iterator[str]:
    if not ending.findings:
        return
    yield f"     {'':23}{'stable':>10}{'candidate':>11}   {'judged':18}limit"
    for finding in ending.findings:
        stable, candidate = measured(finding.stable, finding.unit), measured(finding.candidate, finding.unit)
        judged = f"{standing(finding.standing):18}{finding.limit_text}"
        yield f"     {metric(finding.metric):23}{stable:>10}{candidate:>11}   {judged}"


def _pairs(ending: Ending) -> Iterator[str]:
    """Told where nothing else shows the harm."""
    count = pairs_of(ending)
    if ending.scene.by_pairs and count:
        paired = next(f.paired for f in ending.findings if f.metric == "quality" and f.paired is not None)
        yield (
            f"   {count:,} questions of stable's users were also put to the candidate, unseen by anybody. A judge that does not know"
        )
        yield f"   which is which gave the candidate {paired.candidate:.2f}, where {paired.stable:.2f} would say that both are as good."


def _users(ending: Ending) -> Iterator[str]:
    tally = ending.tally
    met = tally.of(ending.candidate_release)
    not_ok = tally.not_ok_of(ending.candidate_release)
    word = "met it" if ending.scene.expected is Phase.PROMOTED else "saw the bad version"
    yield f"   {len(met.users):,} of {tally.users:,} users ({share(len(met.users), tally.users)}) {word}."
    good = f"all {met.answers:,} were HTTP 200" if not not_ok else f"{not_ok:,} of {met.answers:,} were not HTTP 200"
    yield f"   Of the responses from it {good}; of all {tally.answers:,} in that time, {tally.not_ok:,} were not."
    new, old = met.median, tally.of(ending.stable_release).median
    if new is not None and old is not None:
        yield f"   Half of its answers came within {new * 1000:.0f} ms, of the stable version's within {old * 1000:.0f} ms."
    if ending.after is not None:
        gone = ending.after.of(ending.candidate_release).answers
        yield f"   Of the {ending.after.answers:,} requests after that, {gone:,} reached it."


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="   ", subsequent_indent="        ")


def _whole(endings: Sequence[Ending], seconds: float) -> Iterator[str]:
    answers = sum(ending.tally.answers for ending in endings)
    not_ok = sum(ending.tally.not_ok for ending in endings)
    held_back = sum(ending.tally.not_sent for ending in endings)
    yield f"{answers:,} requests during the rollouts, {not_ok:,} of them not answered with HTTP 200; {seconds:.0f} s in all."
    yield "Evidence of 20 means: chance alone reaches that in at most one rollout in twenty, however often one looks."
    if held_back:
        yield f"{held_back:,} more were due but not sent: this machine is too busy for that rate."
    if exit_code(endings, expected=len(endings)) == 0:
        yield "All rollouts ended as they should."
    else:
        yield "The demo did NOT end as it should; see above."
