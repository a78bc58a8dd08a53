"""What an answer of the simulated assistant is worth, by reading it: the rule behind the simulated judge.

It knows nothing of releases: it sees a question and what was answered, as a judge would.
"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d{4,}")
_GERMAN = frozenset(["der", "die", "das", "und", "von", "ist", "bis", "zu", "kostet", "hier", "sind", "für", "alles"])
_WORD = re.compile(r"[a-zäöüß]+")
NOTICED = 0.12
"""A difference in worth that the simulated judge notices."""


def worth(asked: str, answered: str) -> float:
    """0..1: the share of the question's numbers that the answer names, less for what a reader would mind."""
    wanted = set(_NUMBER.findall(asked))
    if not wanted:
        return 0.5
    found = len(wanted & set(_NUMBER.findall(answered))) / len(wanted)
    if "cancel_order" in answered and "look it up" in asked:
        return 0.0
    words = _WORD.findall(answered.lower())
    foreign = sum(word in _GERMAN for word in words) / max(1, len(words))
    return found * (0.3 if foreign > 0.15 else 1.0)


def better(asked: str, first: str, second: str) -> int:
    """1 when the first answer is noticeably better, -1 when the second is, 0 when neither."""
    difference = worth(asked, first) - worth(asked, second)
    if abs(difference) < NOTICED:
        return 0
    return 1 if difference > 0 else -1
