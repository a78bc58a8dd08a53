"""Cases before a rollout: what is said, kept and paid, and that nobody starts who failed them."""

import asyncio
import json
import stat
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from support.answering import Said, answering, output
from support.stage import Stage
from verdigris.adapters.checks import cases as checking
from verdigris.adapters.checks.cases import CasesCheck
from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.samples.resend import HttpResender
from verdigris.adapters.samples.till import MemoryTill
from verdigris.cases.model import Case, Question
from verdigris.cases.money import PURSE, CaseMoney
from verdigris.cases.rules import Equals, Keywords, Reference, Rubric
from verdigris.controller.tryout import Tryout
from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import Conflict, StoreError
from verdigris.core.model.quality import Budget, CustomPrice, Quality, ScorerUse
from verdigris.core.model.release import Release
from verdigris.core.model.score import Score
from verdigris.ports import CheckResult


def a_case(name, *rules):
    return Case(id=name, question=Question(body=b'{"input":"Hi"}', path="/api"), rules=rules or (Equals(text="Hello"),))


def environment(name, url):
    return Environment(name=name, url=url, release=Release.of(version=name))


def run(check, *, green, blue="Hello"):
    """What the check finds when the sides answer so."""

    async def go(ours, theirs):
        return await check.run(environment("green", ours), beside=environment("blue", theirs))

    with answering(lambda _: output(green, _cost=0.5)) as ours, answering(lambda _: output(blue, _cost=0.25)) as theirs:
        return asyncio.run(go(ours.url, theirs.url))


def check_of(*cases, **more):
    return CasesCheck(cases=cases, resender=HttpResender(), min_score=0.8, **more)


CASES = (a_case("exact"), a_case("vague", Keywords(every=("hello", "you"))))


def test_a_good_candidate_passes_and_both_scores_are_told():
    found = run(check_of(*CASES), green="Hello you", blue="Bye")
    assert not found.passed  # "Hello you" is not "Hello"
    found = run(check_of(a_case("vague", Keywords(every=("hello",)))), green="Hello you", blue="Bye")
    assert found == CheckResult(
        passed=True,
        reason="1 case: green scored 1.00, blue 0.00, and 0.8 is asked",
        hint="`verdigris cases run --config FILE` asks them again",
    )


def test_a_bad_candidate_is_refused_by_its_worst_cases():
    cases = (*CASES, *(a_case(f"more-{index}") for index in range(5)))
    found = run(check_of(*cases), green="hello")
    assert not found.passed
    assert found.reason.startswith("7 cases: green scored 0.07, blue 0.93, and 0.8 is asked; the worst: exact (0.00: ")
    assert found.reason.count(";") == checking.WORST


def test_what_could_not_be_judged_does_not_pass():
    class Silent:
        in_loop, is_free = True, True

        async def score(self, sample):
            raise RuntimeError

    found = run(check_of(a_case("judged", Rubric(text="x", scorer="judge", plug=Silent()))), green="Hello")
    assert not found.passed
    assert "1 could not be judged: judged (?: judge gave no word: RuntimeError)" in found.reason


def test_a_candidate_that_is_silent_does_not_pass_even_where_nothing_is_asked():
    async def go():
        check = replace(check_of(*CASES), min_score=0.0)
        gone = environment("green", "http://127.0.0.1:1")
        return await check.run(gone, beside=gone)

    found = asyncio.run(go())
    assert not found.passed
    assert "green answered none: no answer: the connection failed or broke off" in found.reason


def test_what_takes_too_long_is_ended():
    class Never:
        async def send(self, *_, **__):
            await asyncio.Event().wait()

        async def close(self): ...

    async def go():
        check = CasesCheck(cases=CASES, resender=Never(), min_score=0.8, patience=0.1)
        return await check.run(environment("green", "http://a"), beside=environment("blue", "http://b"))

    found = asyncio.run(go())
    assert (found.passed, found.reason) == (False, "2 cases took longer than 0.1 s")


def test_all_answers_are_kept_for_their_owner_alone_and_the_oldest_go(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "MOST_KEPT", 2)
    folder = tmp_path / "cases"
    for _ in range(3):
        found = run(check_of(*CASES, folder=folder), green="Bye")
    kept = sorted(folder.iterdir())
    assert len(kept) == 2
    assert found.hint == f"all answers stand in {kept[-1]}"
    assert stat.S_IMODE(kept[-1].stat().st_mode) == 0o600
    report = json.loads(kept[-1].read_text())
    assert [(each["endpoint"], each["passed"]) for each in report["endpoints"]] == [("green", False), ("blue", False)]
    assert report["endpoints"][0]["cases"][0]["output"] == "Bye"


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    found = run(check_of(a_case("exact"), folder=tmp_path / "file"), green="Hello")
    assert found.passed


# ------------------------------------------------------------------ money


@dataclass(frozen=True)
class Paid:
    """A judge at 0.25 USD a word."""

    cost: float = 0.25
    is_free: ClassVar[bool] = False
    in_loop: ClassVar[bool] = True

    def most(self, sample):
        return self.cost

    async def score(self, sample):
        return Score(scorer="judge", version="1", value=1.0, cost=self.cost)


def spent(till, purse):
    return asyncio.run(till.spent(purse, rollout="", at=0.0))[1]


def test_answers_are_counted_and_words_paid_from_the_judges_purse():
    till = MemoryTill()
    use = ScorerUse(use="judge", name="strict", budget=Budget(per_day=0.8))
    money = CaseMoney.of(Quality(scorers=(use,)), till, now=lambda: 0.0)
    cases = [a_case(str(index), Rubric(text="x", scorer="judge", plug=Paid())) for index in range(2)]
    found = run(check_of(*cases, money=money), green="Hello")
    assert spent(till, PURSE) == 2 * 0.5 + 2 * 0.25
    assert spent(till, "scorer:strict") == 0.75  # the fourth word did not fit
    assert "no money is left for judge" in found.reason or found.passed


def test_answers_that_name_no_model_are_priced_by_their_environments_own():
    """1,000,000 tokens in and as many out at 1 and 2 USD, and at ten times that."""
    body = b'{"output": "Hello", "usage": {"prompt_tokens": 1000000, "completion_tokens": 1000000}}'
    prices = KeptPrices(custom=tuple(CustomPrice(model=f"m{n}", input=1.0 * n, output=2.0 * n) for n in (1, 10)))
    till = MemoryTill()
    check = check_of(a_case("a"), prices=prices, money=CaseMoney.of(Quality(), till, now=lambda: 0.0))
    with answering(lambda _: Said(body)) as app:
        green, blue = (
            replace(environment(name, app.url), release=Release.of(version=name, config={"model": model}))
            for name, model in (("green", "m10"), ("blue", "m1"))
        )
        assert asyncio.run(check.run(green, beside=blue)).passed
    assert spent(till, PURSE) == pytest.approx(33.0)


def test_a_scorer_of_references_is_paid_from_a_purse_too():
    class Compares(Paid):
        async def compare(self, pair):
            return Score(scorer="near", version="1", value=1.0, cost=self.cost)

    till = MemoryTill()
    declared = ScorerUse(use="near", name="mine", budget=Budget(per_day=0.3))
    money = CaseMoney.of(Quality(scorers=(declared,)), till, now=lambda: 0.0)
    cases = [a_case(name, Reference(text="x", scorer=name, plug=Compares())) for name in ("near", "undeclared")]
    found = run(check_of(*cases, money=money), green="Hello")
    assert spent(till, "scorer:mine") == 0.25
    assert spent(till, "scorer:undeclared") == 0.5
    assert "no money is left for near" in found.reason or found.passed


def test_what_earlier_starts_cost_is_not_this_ones():
    till = MemoryTill()
    use = ScorerUse(use="judge", budget=Budget(per_rollout=0.5))
    money = CaseMoney.of(Quality(scorers=(use,)), till, now=lambda: 0.0)
    case = a_case("a", Rubric(text="x", scorer="judge", plug=Paid()))
    assert [run(check_of(case, money=money), green="Hello").passed for _ in range(3)] == [True, True, True]
    assert spent(till, "scorer:judge") == 1.5


def test_a_scorer_that_cannot_say_what_it_costs_has_no_price():
    class Unsure(Paid):
        def most(self, sample):
            raise RuntimeError(sample)

    money = CaseMoney.of(Quality(), MemoryTill(), now=lambda: 0.0)
    found = run(check_of(a_case("a", Rubric(text="x", scorer="judge", plug=Unsure())), money=money), green="Hello")
    assert "no money is left for judge" in found.reason


def test_without_a_till_that_can_be_used_nothing_is_spent():
    class Broken(MemoryTill):
        async def reserve(self, *_, **__):
            raise StoreError("the disk is full")

    money = CaseMoney.of(Quality(), Broken(), now=lambda: 0.0)
    found = run(check_of(a_case("a", Rubric(text="x", scorer="judge", plug=Paid())), money=money), green="Hello")
    assert not found.passed
    assert "no money is left for judge" in found.reason


# ------------------------------------------------------------------ the controller


class Trial:
    """Says what it is told to, once it may."""

    def __init__(self, *, passed=True):
        self.passed = passed
        self.asked = []
        self.may = asyncio.Event()
        self.may.set()
        self.begun = asyncio.Event()

    async def run(self, candidate, *, beside):
        self.asked.append((candidate.name, beside.name))
        self.begun.set()
        await self.may.wait()
        return CheckResult(passed=self.passed, reason="24 cases: green scored 0.5", hint="look at them")


def started(*trials):
    """A start with these trials: the rollout, its explanation and its history."""

    async def story():
        controller = Stage().controller()
        controller._tryout = Tryout(trials)
        await controller.open()
        rollout = await controller.start(actor="ada")
        return rollout, await controller.explain(rollout.id), await controller.events(rollout.id)

    return asyncio.run(story())


def test_what_was_found_stands_in_the_rollout_its_explanation_and_its_history():
    trial = Trial()
    rollout, explanation, events = started(trial)
    assert trial.asked == [("green", "blue")]
    assert rollout.checks == ("24 cases: green scored 0.5",)
    assert "found before it began:\n  - 24 cases: green scored 0.5" in explanation.to_text()
    assert events[0].event.checks == rollout.checks


def test_without_trials_nothing_is_said():
    rollout, explanation, _ = started()
    assert rollout.checks == ()
    assert "found before" not in explanation.to_text()


def test_a_failed_trial_refuses_the_start_and_nothing_has_begun():
    failed, never = Trial(passed=False), Trial()

    async def story():
        controller = Stage().controller()
        controller._tryout = Tryout((failed, never))
        await controller.open()
        with pytest.raises(Conflict) as refused:
            await controller.start(actor="ada")
        failed.passed = True
        return refused.value, await controller.start(actor="ada")

    refused, rollout = asyncio.run(story())
    assert str(refused) == "the candidate may not start: 24 cases: green scored 0.5 (look at them)"
    assert rollout.id.endswith("-1")
    assert len(never.asked) == 1


def test_a_second_start_is_refused_while_the_candidate_is_being_tried_out():
    async def story():
        trial = Trial()
        trial.may.clear()
        controller = Stage().controller()
        controller._tryout = Tryout((trial,))
        await controller.open()
        first = asyncio.ensure_future(controller.start(actor="ada"))
        await trial.begun.wait()
        with pytest.raises(Conflict, match="being tried out"):
            await controller.start(actor="eve")
        trial.may.set()
        return await first

    assert asyncio.run(story()).id.endswith("-1")
