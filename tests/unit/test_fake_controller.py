"""The fake the faces are tested with must be asked as the real controller is."""

import inspect

import pytest

from support.fake_controller import FakeController
from verdigris.controller.service import Controller

LIFE = {"open", "run", "drain", "leave", "live_requests"}
FACE = sorted(
    name
    for name, _ in inspect.getmembers(Controller, inspect.iscoroutinefunction)
    if not name.startswith("_") and name not in LIFE
)


def test_there_is_a_face():
    assert {"start", "approve", "status", "explain", "events"} <= set(FACE)


@pytest.mark.parametrize("name", FACE)
def test_the_fake_is_asked_as_the_controller_is(name):
    real, fake = (inspect.signature(getattr(kind, name), eval_str=True) for kind in (Controller, FakeController))
    assert fake == real
