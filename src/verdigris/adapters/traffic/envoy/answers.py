r"""The filter that reads answers and strips fields: a Lua script inside Envoy in three parts, configured from Telemetry.

Why Lua and not Envoy's json_to_metadata: that filter cannot reach into arrays (finish reasons, refusals), builds a tree of
every body, and its sibling for event streams is marked work in progress. Here a plain search for the few names decides
whether a body is looked at at all.

What happens to which answer:

| answer | measured | with `strip` |
|---|---|---|
| `application/json` up to 1 MiB, length known | held until complete, then read | members removed, length corrected |
| `application/json`, length unknown | passed on piece by piece, a copy read at the end | held until complete; over 4 MiB: Envoy answers 500 |
| `application/json`, longer | passed on, not read | over 4 MiB: 502 |
| `text/event-stream` | each line as it passes | per `data:` line; a piece goes on up to its last complete line |
| an event stream's line over the limit | passed on, not read | `data: {}` |
| JSON or events, compressed | passed on, not read | 502 (the environment is asked for none) |
| Amazon's event stream of frames | as it passes | passed on |
| JSON that is not well-formed, or part of an object, and holds a name to strip | passed on | 502; in an event: `data: {}` |
| anything else | passed on | passed on |

A member that tells a request's kind is read from the object at the top, as JSON writes it: text, a number, true or false.
Names are stripped from the object at the top only. A name that JSON would escape is known raw and as `\uXXXX`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

from verdigris.adapters.line import LETTERS, LONGEST_LITERAL, Answer, in_answer
from verdigris.core.model.reading import Format
from verdigris.core.model.service import Telemetry
from verdigris.core.model.strata import StrataBy

READ_LIMIT = 1 << 20
STRIP_LIMIT = 4 << 20
_SCRIPTS = ("json.lua", "formats.lua", "answers.lua")
"""Parts of one script, in this order: each uses what stands above it."""


def buffer_limit(telemetry: Telemetry) -> int:
    """Bytes Envoy may hold of one answer."""
    return STRIP_LIMIT if strips(telemetry) else READ_LIMIT


def strips(telemetry: Telemetry) -> bool:
    """Whether any member is taken out of answers."""
    fields = telemetry.fields
    return fields.strip and bool(fields.cost or fields.quality)


def script(telemetry: Telemetry, strata: tuple[StrataBy, ...] = ()) -> str:
    """The Lua source with its configuration in front."""
    fields = telemetry.fields
    slots = {Answer.COST: fields.cost, Answer.QUALITY: fields.quality}
    spelled = {spelling: slot for slot, name in slots.items() if name for spelling in _spellings(name)}
    own = spelled if telemetry.format in ("auto", Format.FIELDS) else {}
    config = {
        "formats": "{ " + ", ".join(f"{letter} = true" for letter in _read(telemetry)) + " }",
        "own": _table(own),
        "strip": _table(spelled) if strips(telemetry) else "nil",
        "kinds": _table(_kinds(strata)) if in_answer(strata) else "nil",
        "slots": str(len(Answer) + len(in_answer(strata))),
        "literal": str(LONGEST_LITERAL),
        "limit": str(buffer_limit(telemetry)),
    }
    head = "local CONFIG = { " + ", ".join(f"{key} = {value}" for key, value in config.items()) + " }\n"
    folder = resources.files(__package__)
    return "\n".join([head, *(folder.joinpath(name).read_text(encoding="utf-8") for name in _SCRIPTS)])


def _read(telemetry: Telemetry) -> list[str]:
    """The letters of the formats that are read; reading one that is named costs less than recognising each."""
    if telemetry.format == "auto":
        return sorted(LETTERS)
    return [letter for letter, known in LETTERS.items() if known is telemetry.format]


def _kinds(strata: tuple[StrataBy, ...]) -> dict[str, int]:
    """Spellings to the positions that follow those of Answer."""
    told = enumerate(in_answer(strata), start=len(Answer))
    return {spelling: slot for slot, by in told for spelling in _spellings(by.name)}


def _spellings(name: str) -> list[str]:
    """A member's name as it can stand in JSON, with its quotes."""
    return sorted({json.dumps(name, ensure_ascii=True), json.dumps(name, ensure_ascii=False)})


def _table(slots: Mapping[str, int]) -> str:
    """Quoted names to positions counted from 1, as Lua counts."""
    return "{" + ", ".join(f"[{_lua(spelling)}] = {slot + 1}" for spelling, slot in slots.items()) + "}"


def _lua(text: str) -> str:
    """A Lua string of these UTF-8 bytes."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'
