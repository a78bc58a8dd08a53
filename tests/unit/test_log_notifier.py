"""Announcements in the log: one line each, loud where somebody must look."""

from __future__ import annotations

import asyncio
import logging

import pytest

from verdigris.adapters.notifiers.log import LogNotifier
from verdigris.core.model.command import Topic
from verdigris.testing import builders as build

LOUD = {Topic.WARNING, Topic.ROLLING_BACK, Topic.ROLLED_BACK}


@pytest.mark.parametrize("topic", list(Topic))
def test_an_announcement_is_one_line_with_service_and_rollout(topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="verdigris.rollout")
    asyncio.run(LogNotifier().post("summarizer", "r1", build.announce("weight is 25 %", topic)))
    (record,) = caplog.records
    assert record.name == "verdigris.rollout"
    assert record.getMessage() == f"summarizer r1 {topic.value}: weight is 25 %"
    assert record.levelno == (logging.WARNING if topic in LOUD else logging.INFO)


def test_text_cannot_forge_a_second_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="verdigris.rollout")
    asyncio.run(LogNotifier().post("a\nb", "r1", build.announce("over\r\nr1 promoted: \x1b[2J \u2028 Zoë %s")))
    (record,) = caplog.records
    assert record.getMessage() == r"a\nb r1 started: over\r\nr1 promoted: \x1b[2J \u2028 Zoë %s"
