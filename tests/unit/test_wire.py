import json
import math
import sys
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from verdigris.wire import EstimateView, EventView, NoWord, StartRollout, StepWord, VerdictView


def a_verdict_view(**fields):
    known = {
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "outcome": "fail",
        "reason": "",
        "evidence": 1.0,
        "threshold": 20.0,
    }
    return VerdictView(**{**known, **fields})


def test_evidence_that_outgrew_a_double_stays_a_number_and_stays_in_order():
    view = a_verdict_view(evidence=math.inf)
    sent = json.loads(view.model_dump_json(), parse_constant=pytest.fail)
    assert sent["evidence"] == sys.float_info.max
    assert VerdictView.model_validate(sent) == view
    assert view.evidence > view.threshold


def test_what_is_not_a_number_is_null_never_zero():
    sent = json.loads(EstimateView(n=3, value=math.nan).model_dump_json())
    assert sent == {"n": 3, "value": None, "low": None, "high": None}


def test_an_events_own_data_is_json_all_the_way_down():
    view = EventView(
        number=1,
        at=datetime(2026, 1, 2, tzinfo=UTC),
        type="judged",
        summary="",
        data={"verdict": {"findings": ({"harm": math.inf, "far": math.nan},)}},
    )
    sent = json.loads(view.model_dump_json(), parse_constant=pytest.fail)
    assert sent["data"]["verdict"]["findings"] == [{"harm": sys.float_info.max, "far": None}]


def test_times_are_iso_8601_in_utc():
    assert json.loads(a_verdict_view().model_dump_json())["at"] == "2026-01-02T00:00:00Z"


def test_a_client_skips_what_a_newer_server_adds():
    assert EstimateView.model_validate({"n": 1, "added_later": True}).n == 1


@pytest.mark.parametrize(
    ("model", "body", "said"),
    [
        (StartRollout, {"wersion": "2"}, "unknown field 'wersion'; did you mean 'version'?"),
        (StartRollout, {"xyzzy": 1}, "unknown field 'xyzzy'; known are: to, version, strategy"),
        (
            StartRollout,
            {"strategy": {"steps": [], "otherwise": {"no-data": "hold"}}},
            "unknown field 'no-data'; did you mean 'no_data'?",
        ),
        (StepWord, {"reason": "no"}, "unknown field 'reason'; known are: step"),
        (NoWord, {"step": 1}, "unknown field 'step'; known are: none"),
        (
            StartRollout,
            {"strategy": {"steps": [{"kind": "weight", "weight": 100, "hol": 1}]}},
            "unknown field 'hol'; did you mean 'hold'?",
        ),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_right_one(model, body, said):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    assert caught.value.errors()[0]["msg"] == said


def test_a_very_long_unknown_field_is_not_repeated_whole():
    with pytest.raises(ValidationError) as caught:
        StartRollout.model_validate({"v" * 10_000: 1})
    assert len(caught.value.errors()[0]["msg"]) < 200
