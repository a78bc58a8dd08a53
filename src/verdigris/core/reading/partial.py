"""Arguments of a tool that come member by member, as Vertex AI streams them: each piece names its place by a JSON Path, `$.days[0].city`.

https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/Content#FunctionCall, members `partialArgs` and `willContinue`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verdigris.core.reading.json_text import written
from verdigris.core.reading.members import Members, number, text

DEEPEST = 16
MOST_PIECES = 10_000

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\['([^']*)'\]")
_Tree = dict[str | int, Any]  # a list is kept as its items by number, since they may come in any order


@dataclass(slots=True)
class PartialArguments:
    """The pieces of a text at one place are joined; any other value replaces. A text is kept as the list of its pieces."""

    tree: _Tree = field(default_factory=dict)
    count: int = 0

    def take(self, piece: Members) -> bool:
        """False when it cannot be placed."""
        steps = _steps(piece.get("jsonPath"))
        self.count += 1
        if not steps or self.count > MOST_PIECES:
            return False
        at = self.tree
        for step in steps[:-1]:
            inner = at.setdefault(step, {})
            if not isinstance(inner, dict):
                return False
            at = inner
        return _put(at, steps[-1], piece)

    def text(self) -> str:
        return written(_whole(self.tree))


def _steps(path: Any) -> list[str | int]:
    if not isinstance(path, str) or not path.startswith("$"):
        return []
    found: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or len(found) >= DEEPEST:
            return []
        found.append(int(step[2]) if step[2] is not None else step[1] or step[3] or "")
        at = step.end()
    return found


def _put(at: _Tree, step: str | int, piece: Members) -> bool:
    before = at.get(step)
    if isinstance(before, dict):
        return False
    if isinstance(piece.get("stringValue"), str):
        if not isinstance(before, list):
            before = at[step] = []
        before.append(text(piece["stringValue"]))
        return True
    if isinstance(piece.get("boolValue"), bool):
        at[step] = piece["boolValue"]
        return True
    if "nullValue" in piece:
        at[step] = None
        return True
    known = number(piece.get("numberValue"))
    if known is None:
        return False
    at[step] = int(known) if known.is_integer() else known
    return True


def _whole(tree: Mapping[str | int, Any]) -> Any:
    """No deeper than paths are: DEEPEST."""
    values = {
        step: _whole(value) if isinstance(value, dict) else "".join(value) if isinstance(value, list) else value
        for step, value in tree.items()
    }
    if values and all(isinstance(step, int) for step in values):
        return [values[step] for step in sorted(values, key=int)]
    return {str(step): value for step, value in values.items()}
