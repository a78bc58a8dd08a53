"""Every key of verdigris.yaml has its row in the reference, with the default that is taken where it does not stand."""

import json
import re
from dataclasses import replace
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from support.pages import DOCS, rows
from verdigris.core.model.errors import ConfigError
from verdigris.spec.budget import BudgetDoc
from verdigris.spec.document import Document
from verdigris.spec.guardrails import LatencyDoc
from verdigris.spec.load import loads
from verdigris.spec.strategy import PRESETS, PolicyDoc

ROWS = rows(DOCS / "reference" / "configuration.md", "key")
BESIDE_ITS_OWN = "guardrails.latency_p99"
"""The latency guardrail whose keys stand for those of all."""

POLICY = "strategy.otherwise"
"""The policy whose keys stand for those of the steps."""

BUDGET = "quality.shadow.budget"
"""The budget whose keys stand for those of the scorers."""

SHOWN_ONCE = (LatencyDoc, PolicyDoc, BudgetDoc)
THEMSELVES_TOO = ("environments", "strategy.steps", "quality.scorers", "quality.shadow.budget")
"""Mappings and lists of them that have a row of their own beside those of their keys."""


def parts(annotation: Any) -> list[Any]:
    """The types in an annotation, without Annotated and unions."""
    if get_origin(annotation) is Annotated:
        return parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for each in get_args(annotation) for part in parts(each)]
    return [annotation]


def keys(model: type[BaseModel] = Document, prefix: str = ""):
    """Every key as it is written in the reference, with its field."""
    for field_name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or field_name}"
        found = False
        for part in parts(field.annotation):
            inner, here = part, path
            if get_origin(part) is dict:
                inner, here = parts(get_args(part)[1])[0], f"{path}.NAME"
            if get_origin(part) is list:
                mappings = [
                    item for item in parts(get_args(part)[0]) if isinstance(item, type) and issubclass(item, BaseModel)
                ]
                for mapping in mappings:
                    yield from keys(mapping, f"{path}[].")
                if mappings:
                    found = True
                continue
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found = True
                if here in (BESIDE_ITS_OWN, POLICY, BUDGET) or inner not in SHOWN_ONCE:
                    yield from keys(inner, f"{here}.")
        if not found or prefix == "guardrails." or path in THEMSELVES_TOO or field_name in ("otherwise", "budget"):
            yield path, field


KEYS = dict(keys())


def test_the_walk_finds_what_is_there():
    assert {
        "service",
        "gateway.sticky.cookie",
        "environments.NAME.release.config",
        "strategy.steps[].pause.duration",
        "strategy.steps[].approve.otherwise",
        "guardrails.ttfb_p50",
        "guardrails.latency_p99.max",
        "telemetry.fields.strip",
        "telemetry.prices.NAME.cache_read",
        "quality.scorers[].retries",
        "quality.shadow.budget.requests",
        "quality.keep.for",
        "checks[].cases.min_score",
    } <= KEYS.keys()


def test_every_key_is_described_and_no_other():
    assert ROWS.keys() == KEYS.keys()


# ------------------------------------------------------------------ defaults


def tree_for(key: str) -> dict[str, Any]:
    """The smallest file in which `key` may stand."""
    tree: dict[str, Any] = {
        "service": "tested",
        "environments": {"blue": {"url": "http://a:1"}, "green": {"url": "http://a:2"}},
    }
    if key.startswith("strategy.steps[]."):
        kind = key.split(".")[2]
        tree["strategy"] = {"steps": [{kind: {}} if kind in ("pause", "approve") else {"weight": "10%"}]}
    elif key.startswith("strata[]."):
        tree["strata"] = [{}]
    elif key.startswith("telemetry.prices."):
        tree["telemetry"] = {"prices": {"blue": {"input": 1, "output": 2}}}
    elif key.startswith(("quality.", "checks[].")):
        tree |= quality_for(key)
    elif key.count(".") == 2 and key.startswith("guardrails."):
        metric, name = key.split(".")[1:]
        margin = "max_drop" if metric == "quality" else "max_increase"
        if metric == "defect_rate":
            tree["quality"] = {}
        tree["guardrails"] = {
            metric: {} if name == margin else {margin: ROWS[f"guardrails.{metric}.{margin}"][1].strip("`")}
        }
    return tree


def quality_for(key: str) -> dict[str, Any]:
    if key.startswith("checks[]."):
        return {"quality": {"cases": "cases.yaml"}, "checks": [{"cases": {}}]}
    part = {
        "quality.scorers[]": {"scorers": [{"use": "heuristics"}]},
        "quality.shadow": {"shadow": {"paths": ["/a"]}},
        "quality.mirror": {"mirror": {"paths": ["/a"], "rate": "1%"}},
        "quality.cases": {"cases": {"files": "cases.yaml"}},
    }
    return {"quality": part.get(key.rpartition(".")[0], {})}


def put(tree: Any, key: str, value: Any) -> None:
    *way, last = key.replace("[]", ".0").replace("NAME", "blue").split(".")
    for part in way:
        tree = tree[int(part)] if part == "0" else tree.setdefault(part, {})
    tree[last] = value


def remove(tree: Any, key: str) -> None:
    *way, last = key.replace("[]", ".0").replace("NAME", "blue").split(".")
    for part in way:
        tree = tree[int(part)] if part == "0" else tree[part]
    del tree[last]


def meaning(tree: dict[str, Any]) -> Any:
    """What a file says, whether or not its guardrails were written down."""
    loaded = loads(json.dumps(tree))
    guardrails = tuple(replace(each, required=True) for each in loaded.service.guardrails)
    return replace(loaded, service=replace(loaded.service, guardrails=guardrails))


WITH_DEFAULT = [key for key, cells in ROWS.items() if re.fullmatch("`.+`", cells[1])]


@pytest.mark.parametrize("key", WITH_DEFAULT)
def test_writing_the_default_changes_nothing(key):
    tree = tree_for(key)
    before = meaning(tree)
    put(tree, key, YAML(typ="safe", pure=True).load(ROWS[key][1].strip("`")))
    assert meaning(json.loads(json.dumps(tree, default=str))) == before


def test_most_keys_have_a_default_that_is_compared():
    assert len(WITH_DEFAULT) > 30


@pytest.mark.parametrize("key", [key for key, cells in ROWS.items() if cells[1] == "required"])
def test_what_is_called_required_is(key):
    tree = tree_for(key)
    remove(tree, key)
    with pytest.raises(ConfigError):
        loads(json.dumps(tree))


@pytest.mark.parametrize("key", [key for key, cells in ROWS.items() if cells[1] == "none"])
def test_what_has_no_default_has_none(key):
    field = KEYS[key]
    assert not field.is_required()
    assert not field.get_default(call_default_factory=True)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_described(preset):
    described = rows(DOCS / "reference" / "configuration.md", "preset")[preset][0]
    weights = [float(weight) for weight in re.findall(r"([\d.]+)%", described)]
    assert weights == [step.weight for step in PRESETS[preset]]
