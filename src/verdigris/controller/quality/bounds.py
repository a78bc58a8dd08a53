"""How much of it waits or is remembered at once. Whatever can grow has its bound here."""

from __future__ import annotations

from collections import OrderedDict

WAITING = 128
"""Exchanges under way at once; each is at most a few hundred kilobytes."""

REMEMBERED = 20_000
"""Request ids remembered, so that one that comes twice counts once."""


class Seen:
    """Remembers the latest ids."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, id: str) -> bool:  # noqa: A002 -- what it is
        """Whether it comes for the first time, as far as is remembered."""
        if id in self._ids:
            return False
        self._ids[id] = None
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)
        return True
