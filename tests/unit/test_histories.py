"""Kept histories are replayed for ever: each log leads, event by event, where it led when it was written.

The sentence in `reason` may be worded better one day, and a state may gain members; everything recorded else stands.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verdigris.adapters.stores.codec import decode_event, decode_rollout, encode_event, encode_rollout
from verdigris.core.rollout.replay import replay

HISTORIES = Path(__file__).parents[1] / "histories"
NAMES = sorted(path.stem for path in HISTORIES.glob("*.json"))


def load(name: str):
    return json.loads((HISTORIES / f"{name}.json").read_text())


def without_schema(document):
    """What is written again says the present schema."""
    return {key: value for key, value in document.items() if key != "schema"}


def differences(recorded, replayed, place: str = "rollout"):
    """Where `replayed` lacks or contradicts what was recorded; members it has more are no difference."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        return [
            found
            for key, value in recorded.items()
            for found in differences(value, replayed.get(key, "(absent)"), f"{place}.{key}")
        ]
    if isinstance(recorded, list) and isinstance(replayed, list) and len(recorded) == len(replayed):
        pairs = enumerate(zip(recorded, replayed, strict=True))
        return [found for i, (old, new) in pairs for found in differences(old, new, f"{place}[{i}]")]
    return [] if recorded == replayed else [f"{place}: was {recorded!r}, is {replayed!r}"]


def test_the_first_histories_are_kept() -> None:
    assert {"promoted", "rolled_back_on_fail", "approved_by_a_person", "undecided_at_the_time_limit"} <= set(NAMES)
    assert {"scaled_ramp", "asked_at_the_horizon"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_history_leads_where_it_led(name: str) -> None:
    kept = load(name)
    events = [decode_event(document) for document in kept["events"]]
    states = [replay(events[: count + 1]) for count in range(len(events))]
    assert [[state.phase.value, state.step, state.weight] for state in states] == kept["path"]
    recorded = {key: value for key, value in without_schema(kept["rollout"]).items() if key != "reason"}
    assert differences(recorded, encode_rollout(states[-1])) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_history_is_still_read_and_written_without_loss(name: str) -> None:
    kept = load(name)
    for document in kept["events"]:
        assert differences(without_schema(document), encode_event(decode_event(document)), "event") == []
    assert differences(without_schema(kept["rollout"]), encode_rollout(decode_rollout(kept["rollout"]))) == []


def test_differences_are_found() -> None:
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "c": 3}], "d": 4}) == []
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == ["rollout.a[1].b: was 2, is 3"]
    assert differences({"a": 1}, {}) == ["rollout.a: was 1, is '(absent)'"]


def test_a_kept_history_is_never_rewritten() -> None:
    before = (HISTORIES / "promoted.json").read_bytes()
    command = [sys.executable, str(HISTORIES / "record.py"), "promoted"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "never rewritten" in answer.stderr
    assert (HISTORIES / "promoted.json").read_bytes() == before
