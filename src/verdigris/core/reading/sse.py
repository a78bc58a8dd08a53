"""Event streams as in the HTML standard: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.

One difference: an event that no blank line ends is given too, marked, since whoever knows what it must hold can tell if it is all there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """`name` is `message` where the stream names none. `is_ended`: the blank line after it was there."""

    data: str
    name: str = "message"
    is_ended: bool = True


def events(text: str) -> Iterator[Event]:
    """The events of a stream, in order; those without data are none."""
    *lines, rest = _LINE_END.split(text.removeprefix("\ufeff"))
    name = ""
    data: list[str] = []
    for line in (*lines, rest) if rest else lines:
        if not line:
            if data:
                yield Event(data="\n".join(data), name=name or "message")
            name, data = "", []
            continue
        member, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if member == "data":
            data.append(value)
        elif member == "event":
            name = value
    if data:
        yield Event(data="\n".join(data), name=name or "message", is_ended=False)
