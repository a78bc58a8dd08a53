"""Whether a text goes round in circles: it packs too well, and the same few words come again and again."""

from __future__ import annotations

import zlib
from collections import Counter

from verdigris.adapters.scorers.words import words

_SHORT = 400  # characters below which everything packs alike
_PACKED = 0.12  # of its size; ordinary prose packs to a third or a half, tables to a fifth
_RUN = 6  # words
_SHARE = 0.5  # of all runs of words that are one and the same few
_FEW = 12
_READ = 40_000


def loops(text: str) -> bool:
    """True for a text that is mostly repetition: both signs must say so, as tables and code pack well too."""
    text = text[:_READ]
    if len(text) < _SHORT:
        return False
    raw = text.encode()
    return len(zlib.compress(raw, 6)) < _PACKED * len(raw) and _repeated(text) >= _SHARE


def _repeated(text: str) -> float:
    """The share of runs of words that belong to the few most frequent ones; digits are told apart, so that tables differ."""
    found = words(text)
    runs = Counter(tuple(found[place : place + _RUN]) for place in range(len(found) - _RUN + 1))
    total = runs.total()
    if not total:
        return 1.0  # one endless word
    often = [count for _, count in runs.most_common(_FEW) if count > 2]
    return sum(often) / total
