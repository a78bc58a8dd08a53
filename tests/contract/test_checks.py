"""Every check and trial: it never raises for what it finds there, and says it in a sentence."""

import asyncio
import threading

import pytest

from support.answering import Said, answering
from verdigris.adapters.checks.cases import CasesCheck
from verdigris.adapters.checks.reachable import Reachable
from verdigris.adapters.samples.resend import HttpResender
from verdigris.cases.model import Case, Question
from verdigris.cases.rules import Equals
from verdigris.cases.run import Manner
from verdigris.core.model.environment import Environment
from verdigris.core.model.release import Release

CASE = Case(id="greeting", question=Question(body=b"{}", path="/api"), rules=(Equals(text="Hello"),))


class Alone:
    """A check of one environment, told of the other."""

    async def run(self, candidate, *, beside):
        return await Reachable(timeout=0.5).run(candidate)


def cases():
    return CasesCheck(cases=(CASE,), resender=HttpResender(), min_score=1.0, manner=Manner(timeout=0.5))


CHECKS = {"reachable": Alone, "cases": cases}


def environment(url, name="green"):
    return Environment(name=name, url=url, ready="/ready", release=Release.of(version=name))


def found(check, url):
    return asyncio.run(check().run(environment(url), beside=environment(url, "blue")))


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
class TestAnyCheck:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no.such.host.invalid", "https://127.0.0.1:1"])
    def test_nobody_there(self, check, url):
        result = found(check, url)
        assert not result.passed
        assert "green" in result.reason

    @pytest.mark.parametrize(
        "said",
        [Said(status=500), Said(status=404), Said(status=204), Said(b"\xff\xfe", content_type="application/json")],
    )
    def test_a_bad_answer(self, check, said):
        with answering(lambda _: said) as app:
            result = found(check, app.url)
        assert isinstance(result.passed, bool)
        assert result.reason

    def test_no_answer_in_time(self, check):
        never = threading.Event()
        with answering(lambda _: Said(after=never)) as app:
            result = found(check, app.url)
            never.set()
        assert not result.passed
