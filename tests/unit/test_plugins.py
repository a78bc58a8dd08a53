"""Plugs enter by name; an unknown name or option is an error at load that names the nearest."""

import pytest

from support import foreign
from support.quality import FakePrices, FakeTill
from verdigris import plugins
from verdigris.adapters.scorers.heuristics import Heuristics
from verdigris.adapters.scorers.json_schema import JsonSchema
from verdigris.assemble.scorers import bench
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.quality import DEFAULT_BUDGET, Budget, Quality, ScorerUse

NEEDED = {
    "judge": {"model": "a-model"},
    "http": {"url": "http://127.0.0.1:1"},
    "json-schema": {"schema": {"type": "object"}},
    "similarity": {"url": "http://127.0.0.1:1", "model": "a-model"},
}


@pytest.mark.parametrize("name", plugins.names())
def test_every_plug_of_ours_is_made_says_its_version_and_hides_nothing_in_it(name):
    made, again = (plugins.make(name, NEEDED.get(name, {})) for _ in range(2))
    assert made.version == again.version
    assert len(made.version) == 12
    assert isinstance(made.is_free, bool)
    assert hasattr(made, "score") or hasattr(made, "compare")
    assert plugins.schema(name)["type"] == "object"


def test_a_built_in_comes_through_the_same_door():
    made = plugins.make("heuristics", {"checks": ["empty"], "max_length": 5})
    assert made == Heuristics(checks=("empty",), max_length=5)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("heuristic", {}, "no scorer 'heuristic'; did you mean 'heuristics'?"),
        ("heuristics", {"max_lenght": 5}, "no option 'max_lenght'; did you mean 'max_length'?"),
        ("heuristics", {"max_length": "much"}, "option max_length of scorer heuristics"),
        ("heuristics", {"checks": ["emty"]}, "option checks.0 of scorer heuristics"),
        ("judge", {}, "option model of scorer judge"),
        ("http", {"url": "ftp://x"}, "http:// or https://"),
        ("json-schema", {"schema": {"type": "objekt"}}, "no JSON Schema that can be used"),
        ("json-schema", {"schema": {"$ref": "http://127.0.0.1:9/x.json"}}, "no JSON Schema that can be used"),
        ("json-schema", {"schema": "nowhere.json"}, "nowhere.json cannot be read"),
    ],
)
def test_what_is_wrong_is_named(name, options, words):
    with pytest.raises(ConfigError) as raised:
        plugins.make(name, options)
    assert words in str(raised.value)


def test_options_are_not_told_in_errors():
    with pytest.raises(ConfigError) as raised:
        plugins.make("judge", {"model": "m", "max_tokens": "a-secret-value"})
    assert "a-secret-value" not in str(raised.value)


def test_the_version_of_a_schema_is_of_what_the_file_holds(tmp_path):
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object"}')
    first = JsonSchema(schema=str(file)).version
    file.write_text('{"type": "array"}')
    assert JsonSchema(schema=str(file)).version != first
    assert JsonSchema(schema={"type": "object"}).version == first


# ------------------------------------------------------------------ plugs of others


@pytest.fixture
def _foreign(tmp_path, monkeypatch):
    foreign.install(tmp_path, monkeypatch)


def made(*uses: ScorerUse, calibrated=()):
    return bench(Quality(scorers=uses), till=FakeTill(), prices=FakePrices(), calibrated=calibrated)


@pytest.mark.usefixtures("_foreign")
def test_anybodys_plug_enters_by_the_same_door_and_runs_apart_from_ours():
    seats = made(
        ScorerUse(use="heuristics"),
        ScorerUse(use="f-length", options={"longest": 3}),
        ScorerUse(use="json-schema", options={"schema": {}}),
        ScorerUse(use="f-pid"),
        ScorerUse(use="judge", options={"model": "m"}),
    ).seats
    ours, first, schema, second, judge = (seat.worker for seat in seats)
    assert ours is schema
    assert first is second
    assert ours is not first
    assert judge is None
    assert [seat.place for seat in seats[:4]] == [0, 0, 1, 1]


@pytest.mark.usefixtures("_foreign")
@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("f-noplug", "f-noplug is no dataclass"),
        ("f-missing", "f-missing cannot be loaded"),
        ("f-nothing", "it has no name and no version and no is_free and no score or compare"),
        ("f-lenght", "did you mean 'f-length'?"),
    ],
)
def test_what_is_no_scorer_is_an_error_at_load_with_its_place(use, words):
    with pytest.raises(ConfigError) as raised:
        made(ScorerUse(use="heuristics"), ScorerUse(use=use))
    assert words in str(raised.value)
    assert raised.value.key.startswith("quality.scorers[1]")


def test_who_gates():
    judge = ScorerUse(use="judge", options={"model": "m"})
    version = plugins.make("judge", judge.options).version
    gating = {
        "free": made(ScorerUse(use="heuristics")),
        "told not to": made(ScorerUse(use="heuristics", gate=False)),
        "uncalibrated": made(judge),
        "calibrated on the other": made(judge, calibrated={(version, "samples")}),
        "calibrated": made(judge, calibrated={(version, "pairs")}),
        "told to": made(ScorerUse(use="judge", options={"model": "m"}, gate=True)),
        "alike": made(ScorerUse(use="rouge-l")),
    }
    assert {name: one.seats[0].gates for name, one in gating.items()} == {
        "free": True,
        "told not to": False,
        "uncalibrated": False,
        "calibrated on the other": False,
        "calibrated": True,
        "told to": True,
        "alike": False,
    }


def test_nothing_that_costs_runs_without_a_budget():
    own = Budget(per_day=1.0)
    seats = made(
        ScorerUse(use="judge", options={"model": "m"}),
        ScorerUse(use="judge", name="mine", options={"model": "m"}, budget=own),
        ScorerUse(use="heuristics"),
    ).seats
    assert [seat.use.budget for seat in seats] == [DEFAULT_BUDGET, own, None]
