"""Words: the few different byte strings of a log as the same few `str`."""

from __future__ import annotations

_REMEMBERED = 1_000


class Words:
    """Turns the few different byte strings of a log (releases, models, reasons) into the same few `str`, quickly."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def __getitem__(self, raw: bytes) -> str:
        word = self._known.get(raw)
        if word is None:
            word = raw.decode(errors="replace")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[raw] = word
        return word
