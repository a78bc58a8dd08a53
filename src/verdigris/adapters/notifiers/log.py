"""The notifier that is always there: one line in the log for each announcement."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from verdigris.core.model.command import Announce, Topic

_LOG = logging.getLogger("verdigris.rollout")
_LOUD = frozenset({Topic.WARNING, Topic.ROLLING_BACK, Topic.ROLLED_BACK})


@dataclass(frozen=True, kw_only=True, slots=True)
class LogNotifier:
    """Writes to the logger `verdigris.rollout`: warnings and rollbacks as WARNING, the rest as INFO.

    Line breaks and control characters in the text are escaped, so one announcement is one line.
    """

    async def post(self, service: str, rollout: str, announcement: Announce) -> None:
        level = logging.WARNING if announcement.topic in _LOUD else logging.INFO
        _LOG.log(level, "%s %s %s: %s", *map(_one_line, (service, rollout, announcement.topic, announcement.text)))


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
