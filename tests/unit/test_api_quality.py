"""Samples and pairs through the API, the typed client and the command line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from support.asgi import LOCAL, api_client
from support.fake_controller import FakeController, FakeWork
from verdigris.cli.app import root
from verdigris.client import Client
from verdigris.controller.quality import browse
from verdigris.controller.quality.health import Money, QualityHealth, Tries
from verdigris.controller.quality.noise import Floor, Spread
from verdigris.core.model.compared import PairKind
from verdigris.core.model.errors import NotFound
from verdigris.core.model.reading import ToolCall
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.testing.builders import START
from verdigris.testing.samples import a_compared_pair, a_reading, a_sample

BETTER = Score(scorer="judge", version="j1", value=0.8, label="better", explanation="It names the number.", cost=0.01)
WORSE = Score(scorer="judge", version="j1", value=0.1, label="worse", explanation="It is wrong.")
SILENT = ScoreFailure(scorer="http", version="h1", trouble=Trouble.TIMEOUT, reason="no word in 30 s")
HEALTH = QualityHealth(
    samples=120,
    missed={"duplicate": 2},
    kept=119,
    not_kept=1,
    pairs={"shadow": 9, "self": 1},
    dropped={"budget": 4, "unsafe_path": 2},
    overruns=1,
    scorers=(Tries(scorer="judge", version="j1", tries=10, failures=2, cost=0.1, gates=True), Tries(scorer="idle")),
    problems=("no samples are collected: the socket is taken",),
)


def controller(*kept, **members):
    archive = FakeWork().archive

    async def keep():
        for each in kept:
            await (archive.keep_pair(each) if hasattr(each, "kind") else archive.keep(each))

    asyncio.run(keep())
    return FakeController(quality=FakeWork(archive=archive, **members))


def pairs(*outcomes):
    return [
        a_compared_pair(id=f"p{index}", at=START + index, scores=() if word is None else (word,))
        for index, word in enumerate(outcomes)
    ]


def client(asked):
    return Client(LOCAL, transport=api_client(asked)._transport)


# ------------------------------------------------------------------ the API


@pytest.mark.parametrize("path", ["samples", "rollouts/latest/pairs", "rollouts/latest/quality", "pairs/p1"])
def test_where_no_quality_is_declared_there_is_nothing(path):
    answer = api_client(FakeController()).get(f"/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "quality" in answer.json()["hint"]


@pytest.mark.parametrize("path", ["samples", "rollouts/latest/pairs", "rollouts/latest/quality", "pairs/p1"])
def test_all_of_it_needs_the_token(path):
    guarded = api_client(controller(a_compared_pair()), token="secret")
    assert guarded.get(f"/v1/{path}").status_code == 401
    assert guarded.get(f"/v1/{path}", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_a_pair_is_shown_whole():
    reading = a_reading(model="small", tool_calls=(ToolCall(name="count", arguments='{"of":"apples"}'),))
    pair = a_compared_pair(
        other=a_sample(environment="green", output="x" * 5_000, reading=reading, scores=(SILENT,), redacted=2),
        scores=(BETTER,),
        spent=0.03,
    )
    shown = api_client(controller(pair)).get("/v1/pairs/p1").json()
    assert (shown["id"], shown["kind"], shown["outcome"], shown["spent"]) == ("p1", "shadow", "better", 0.03)
    assert shown["scores"][0] | {"value": 0.8, "explanation": "It names the number."} == shown["scores"][0]
    other = shown["other"]
    assert (other["output"], other["shortened"], other["redacted"]) == ("x" * 5_000, False, 2)
    assert other["tool_calls"] == [{"name": "count", "arguments": '{"of":"apples"}'}]
    assert other["scores"][0]["trouble"] == "timeout"
    assert other["usage"]["input"] == 20


def test_a_pair_that_is_not_kept_is_not_found():
    answer = api_client(controller()).get("/v1/pairs/p1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_halves_of_characters_do_not_break_the_answer():
    pair = a_compared_pair(other=a_sample(output="half \ud83d of it"))
    assert api_client(controller(pair)).get("/v1/pairs/p1").json()["other"]["output"] == "half ? of it"


def test_lists_are_shortened_and_paged():
    kept = [a_sample(id=f"s{index}", at=START + index, output="x" * 3_000) for index in range(5)]
    api = api_client(controller(*kept))
    first = api.get("/v1/samples", params={"limit": 2}).json()
    assert [sample["id"] for sample in first["samples"]] == ["s4", "s3"]
    assert len(first["samples"][0]["output"]) == 2_000
    assert first["samples"][0]["shortened"]
    second = api.get("/v1/samples", params={"limit": 2, "before": first["before"]}).json()
    assert [sample["id"] for sample in second["samples"]] == ["s2", "s1"]
    last = api.get("/v1/samples", params={"limit": 2, "before": second["before"]}).json()
    assert ([sample["id"] for sample in last["samples"]], last["before"]) == (["s0"], None)


def test_samples_of_one_environment():
    api = api_client(controller(a_sample(), a_sample(id="s2", environment="green")))
    shown = api.get("/v1/samples", params={"environment": "green"}).json()["samples"]
    assert [sample["id"] for sample in shown] == ["s2"]


def test_an_environment_that_is_not_there_is_told():
    api = api_client(controller(a_sample(environment="gone")))
    missing = api.get("/v1/samples", params={"environment": "gren"})
    assert missing.status_code == 404
    assert "no environment 'gren'" in missing.text
    assert api.get("/v1/samples", params={"environment": "green"}).json()["samples"] == []
    assert len(api.get("/v1/samples", params={"environment": "gone"}).json()["samples"]) == 1


def test_pairs_can_be_asked_for_by_kind_and_outcome():
    failed = a_compared_pair(id="p9", at=START + 9, other=a_sample(status=503), kind=PairKind.SELF)
    api = api_client(controller(*pairs(BETTER, WORSE, None, WORSE), failed))

    def asked(**query):
        return [pair["id"] for pair in api.get("/v1/rollouts/r1/pairs", params=query).json()["pairs"]]

    assert asked() == ["p9", "p3", "p2", "p1", "p0"]
    assert asked(outcome="worse") == ["p3", "p1"]
    assert asked(outcome="worse", limit=1) == ["p3"]
    assert asked(outcome="unscored") == ["p2"]
    assert asked(outcome="failed") == ["p9"]
    assert asked(kind="self") == ["p9"]
    assert asked(kind="shadow", outcome="better", before=START + 2) == ["p0"]


def test_where_not_all_pairs_are_looked_through_it_is_told_where_to_go_on(monkeypatch):
    monkeypatch.setattr(browse, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(browse, "PAGE", 2)
    api = api_client(controller(*pairs(WORSE, BETTER, WORSE, *[BETTER] * 5)))
    asked, told = {"outcome": "worse", "limit": 2}, []
    while not told or told[-1][1] is not None:
        page = api.get("/v1/rollouts/r1/pairs", params=asked).json()
        told.append(([pair["id"] for pair in page["pairs"]], page["before"]))
        asked["before"] = page["before"]
    assert told == [([], START + 4), (["p2", "p0"], START), ([], None)]


@pytest.mark.parametrize("query", [{"kind": "odd"}, {"outcome": "odd"}, {"limit": 201}, {"limit": 0}, {"before": "x"}])
def test_questions_that_make_no_sense_are_refused(query):
    assert api_client(controller()).get("/v1/rollouts/r1/pairs", params=query).status_code == 400


def test_pairs_of_an_unknown_rollout_are_not_found():
    assert api_client(controller()).get("/v1/rollouts/r77/pairs").status_code == 404


def test_the_work_is_counted():
    floor = Floor(scorer="edit", version="1", shadow=Spread(n=4, mean=0.5, low=0.4, high=0.6), itself=Spread(n=0))
    money = (Money(purse="shadow", rollout=0.25, day=0.5, remaining=0.5),)
    shown = api_client(controller(health=HEALTH, money=money, floors=(floor,))).get("/v1/rollouts/r1/quality").json()
    assert shown["work"]["dropped"] == {"budget": 4, "unsafe_path": 2}
    assert [each["failure_share"] for each in shown["work"]["scorers"]] == [0.2, None]
    assert shown["money"] == [{"purse": "shadow", "rollout": 0.25, "day": 0.5, "remaining": 0.5}]
    assert shown["noise"][0]["itself"] == {"n": 0, "mean": None, "low": None, "high": None}
    assert shown["problems"] == ["no samples are collected: the socket is taken"]


def test_money_that_cannot_be_read_is_null():
    assert api_client(controller(money=None)).get("/v1/rollouts/r1/quality").json()["money"] is None


def test_the_status_counts_it_too():
    assert api_client(controller(health=HEALTH)).get("/v1/status").json()["quality"]["samples"] == 120
    assert api_client(FakeController()).get("/v1/status").json()["quality"] is None


# ------------------------------------------------------------------ the client


def test_the_client_speaks_of_samples_and_pairs():
    asked = controller(a_sample(), *pairs(BETTER, WORSE), health=HEALTH)
    with client(asked) as typed:
        assert [sample.id for sample in typed.samples("blue").samples] == ["s1"]
        assert typed.samples("green").samples == ()
        assert [pair.id for pair in typed.pairs(outcome="worse").pairs] == ["p1"]
        assert typed.pairs("r1", before=START + 1).pairs[0].id == "p0"
        assert typed.pair("p0").outcome == "better"
        assert typed.quality().work.pairs == {"shadow": 9, "self": 1}
        for name in ("p77", "..", "a/b"):
            with pytest.raises(NotFound):
                typed.pair(name)


# ------------------------------------------------------------------ the command line


def run(asked, *arguments):
    with api_client(asked) as into:
        return CliRunner().invoke(root, arguments, obj=into._transport, env={"VERDIGRIS_API": LOCAL, "COLUMNS": "100"})


def test_pairs_are_listed():
    done = run(controller(*pairs(BETTER, WORSE)), "rollout", "pairs")
    assert done.exit_code == 0, done.output
    header, first, second = done.stdout.splitlines()
    assert header.split() == ["ID", "AT", "KIND", "OUTCOME", "WORDS", "INPUT"]
    assert first.startswith("p1 ")
    assert "judge 0.10 worse" in first
    assert "How many apples are left?" in second
    assert "p0" not in run(controller(*pairs(BETTER, WORSE)), "rollout", "pairs", "--outcome", "worse").stdout
    older = run(controller(*pairs(BETTER, WORSE)), "rollout", "pairs", "--limit", "1").stdout.splitlines()[-1]
    assert older == f"older ones: --before {START + 1}"


def test_a_pair_is_shown_side_by_side():
    pair = a_compared_pair(scores=(BETTER, SILENT), spent=0.03, stable=a_sample(scores=(WORSE,), system="Be brief."))
    done = run(controller(pair), "pairs", "show", "p1")
    assert done.exit_code == 0, done.output
    beside = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
    left, right = (part.strip() for part in beside[0])
    assert left.startswith("stable: blue")
    assert right.startswith("candidate: green")
    assert ["Seven apples are left.", "Three apples are left."] in [[part.strip() for part in row] for row in beside]
    assert "judge 0.80 better: It names the number." in done.stdout
    assert "http: timeout: no word in 30 s" in done.stdout
    assert "0.030000 USD" in done.stdout
    assert "Be brief." in done.stdout


def test_long_answers_stay_in_their_half():
    words = "apples " * 60
    pair = a_compared_pair(stable=a_sample(output=words), other=a_sample(output=words[::-1]), kind=PairKind.SELF)
    done = run(controller(pair), "pairs", "show", "p1")
    beside = [line for line in done.stdout.splitlines() if "│" in line]
    assert len({line.index("│") for line in beside}) == 1
    assert max(map(len, beside)) <= 100
    assert "stable again" in done.stdout
    assert "not known" in done.stdout


def test_an_answer_cannot_steer_the_terminal():
    evil = "\x1b]0;owned\x07\x1b[2J"
    word = Score(scorer="http", version="h1", value=0.5, label=evil, explanation=evil)
    kept = [
        a_sample(output=evil, input=evil, scores=(word,)),
        a_compared_pair(stable=a_sample(input=evil), other=a_sample(output=evil, scores=(word,)), scores=(word,)),
    ]
    for verb in (["samples"], ["rollout", "pairs"], ["pairs", "show", "p1"]):
        assert "\x1b" not in run(controller(*kept), *verb).stdout


def test_half_a_character_hides_no_other_sample():
    words = (
        Score(scorer="http", version="h1", value=0.5, label="\ud800", explanation="\ud800"),
        ScoreFailure(scorer="http", version="h1", trouble=Trouble.UNREADABLE, reason="\ud800"),
    )
    odd = a_sample(output="\ud800", route="/\udcff", scores=words)
    with client(controller(odd, a_sample(id="s2"))) as asking:
        assert len(asking.samples().samples) == 2


def test_samples_are_listed():
    done = run(controller(a_sample(scores=(SILENT,)), a_sample(id="s2", environment="green")), "samples")
    assert done.stdout.splitlines()[0].split()[:4] == ["ID", "AT", "ENVIRONMENT", "STATUS"]
    assert "http: timeout" in done.stdout
    assert (
        "s2" not in run(controller(a_sample(id="s2", environment="green")), "samples", "--environment", "blue").stdout
    )


def test_the_work_is_shown_for_people():
    floor = Floor(scorer="edit", version="1", shadow=Spread(n=4, mean=0.5, low=0.4, high=0.6), itself=Spread(n=0))
    money = (Money(purse="shadow", rollout=0.25, day=0.5, remaining=0.5),)
    done = run(controller(health=HEALTH, money=money, floors=(floor,)), "rollout", "quality")
    assert done.exit_code == 0, done.output
    for line in (
        "120 read; missed 2 duplicate",
        "1 self, 9 shadow; dropped 4 budget, 2 unsafe path",
        "shadow: 0.2500 USD on this rollout, 0.5000 USD today; 0.5000 USD left",
        "judge: asked 10 times, no word in 20.0%, gates",
        "edit: shadow 0.500 (0.400..0.600) in 4, stable with itself none",
        "1 pair cost more than was set aside",
        "the socket is taken",
    ):
        assert line in done.stdout
    assert "not known; none is spent" in run(controller(money=None), "rollout", "quality").stdout


def test_the_status_has_one_line_of_it():
    done = run(controller(health=HEALTH), "status")
    assert "120 samples read, 2 missed; 10 pairs made, 6 dropped; judge gave no word in 2 of 10" in done.stdout
    assert "quality" not in run(FakeController(), "status").stdout


@pytest.mark.parametrize("verb", [["samples"], ["rollout", "pairs"], ["rollout", "quality"], ["pairs", "show", "p1"]])
def test_all_of_it_is_there_as_json(verb):
    done = run(controller(a_sample(), a_compared_pair(), health=HEALTH), *verb, "-o", "json")
    assert isinstance(json.loads(done.stdout), dict)


def test_where_there_is_nothing_it_says_so():
    assert "no such pairs are kept" in run(controller(), "rollout", "pairs").stdout
    assert "no such samples are kept" in run(controller(), "samples").stdout
    refused = run(FakeController(), "samples")
    assert refused.exit_code == 2
    assert "declare quality" in refused.stderr


def test_a_case_is_named():
    case = replace(a_compared_pair(), kind=PairKind.CASE, case="capital of France")
    assert "capital of France: How many" in run(controller(case), "rollout", "pairs").stdout
    assert "case capital of France" in run(controller(case), "pairs", "show", "p1").stdout
