"""Following a rollout: what is printed when, and when it ends."""

from dataclasses import dataclass, field

import pytest

from verdigris.api.views import rollout_view
from verdigris.cli.follow import PATIENCE, follow
from verdigris.cli.session import Session
from verdigris.client import ClientError, Unreachable
from verdigris.core.model.errors import NotFound, StoreError, TrafficError, Unauthorized, VerdigrisError
from verdigris.core.model.rollout import Phase
from verdigris.core.model.verdict import Outcome
from verdigris.testing.builders import a_rollout, a_verdict


@dataclass
class FakeClock:
    """Time that passes only by waiting."""

    at: float = 0.0

    def now(self):
        return self.at

    def wait(self, seconds):
        self.at += seconds


@dataclass
class Scripted:
    """A client that answers in turn; the last answer stays. An exception is raised."""

    answers: list
    asked: list = field(default_factory=list)

    def rollout(self, name):
        self.asked.append(name)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return rollout_view(answer)


def following(*answers, name="latest", timeout=None, form="table"):
    client, clock = Scripted([*answers]), FakeClock()
    code = follow(Session(client=client, form=form), name, timeout=timeout, clock=clock)
    return code, client, clock


def test_one_line_a_change(capsys):
    first, second, last = a_rollout(weight=10.0), a_rollout(weight=25.0, step=1), a_rollout(phase=Phase.PROMOTED)
    code, client, clock = following(first, first, second, second, second, last)
    assert code == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert clock.at == 5.0
    assert client.asked == ["latest", *["r1"] * 5]


def test_a_verdict_that_decides_nothing_is_no_news(capsys):
    outcomes = (Outcome.NO_DATA, Outcome.WAITING, Outcome.INVALID, Outcome.WAITING)
    following(a_rollout(), *(a_rollout(verdict=a_verdict(outcome=each)) for each in outcomes), timeout=10.0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3, lines
    assert ", waiting" not in lines[0]
    assert ", invalid" in lines[1]
    assert ", waiting" in lines[2]


def test_the_timeout_ends_the_wait_and_not_the_rollout(capsys):
    code, client, _ = following(a_rollout(), timeout=3.0)
    assert code == 3
    assert len(client.asked) == 4
    assert capsys.readouterr().err == "not decided after 3s; the rollout goes on\n"


def test_rolling_back_is_waited_for():
    code, client, _ = following(
        a_rollout(phase=Phase.ROLLING_BACK, undecided=True), a_rollout(phase=Phase.ROLLED_BACK, undecided=True)
    )
    assert (code, len(client.asked)) == (1, 2)


def test_baking_is_waited_for():
    code, client, _ = following(a_rollout(phase=Phase.BAKING), a_rollout(phase=Phase.ROLLED_BACK))
    assert (code, len(client.asked)) == (1, 2)


def test_a_controller_that_restarts_is_waited_for():
    code, client, _ = following(a_rollout(), *[Unreachable("gone")] * 30, a_rollout(phase=Phase.PROMOTED))
    assert (code, len(client.asked)) == (0, 32)


def test_a_controller_that_stays_away_is_an_error():
    with pytest.raises(Unreachable):
        following(a_rollout(), Unreachable("gone"))


FAILURES = [
    StoreError("database is locked"),
    TrafficError("no proxy"),
    VerdigrisError("broken"),
    ClientError("failed", status=500),
    ClientError("a proxy's own page", status=503),
]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_server_that_fails_is_asked_again(failure):
    code, client, _ = following(failure, a_rollout(), *[failure] * 30, a_rollout(phase=Phase.PROMOTED))
    assert (code, len(client.asked)) == (0, 33)


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_a_server_that_goes_on_failing_is_an_error(failure):
    with pytest.raises(type(failure), match=str(failure)):
        following(a_rollout(), failure)


@pytest.mark.parametrize("wrong", [NotFound("no such"), Unauthorized("no token"), ClientError("strange", status=200)])
def test_a_wrong_question_is_not_asked_again(wrong):
    client, clock = Scripted([a_rollout(), wrong]), FakeClock()
    with pytest.raises(type(wrong)):
        follow(Session(client=client, form="table"), "r1", timeout=None, clock=clock)
    assert clock.at == 1.0


def test_patience_counts_from_the_last_answer():
    silence = [Unreachable("gone")] * int(PATIENCE - 1)
    code, _, clock = following(a_rollout(), *silence, a_rollout(), *silence, a_rollout(phase=Phase.PROMOTED))
    assert code == 0
    assert clock.at > PATIENCE


def test_a_controller_that_never_answered_is_an_error_at_once():
    clock = FakeClock()
    with pytest.raises(Unreachable):
        follow(Session(client=Scripted([Unreachable("gone")]), form="table"), "latest", timeout=None, clock=clock)
    assert clock.at == 0.0


def test_a_terminal_gets_a_live_view(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    code, _, _ = following(a_rollout(weight=10.0), a_rollout(phase=Phase.PROMOTED))
    assert code == 0
    assert "promoted" in capsys.readouterr().out
