"""The service's own fields at the top of its JSON answers: what was said, what it cost, how good it was. Read beside any format."""

from __future__ import annotations

from dataclasses import dataclass, field

from verdigris.core.model.service import Fields
from verdigris.core.reading.json_text import CUT, written
from verdigris.core.reading.members import Members, clean, number, text


@dataclass(slots=True)
class OwnFields:
    """Later numbers replace earlier ones; the texts of a stream are pieces of one."""

    names: Fields
    texts: list[str] = field(default_factory=list)
    cost: float | None = None
    quality: float | None = None
    problem: str = ""

    def note(self, answer: Members, *, any_output: bool) -> None:
        """`any_output` also takes an output that is no text: only where no other format gives `output` a meaning."""
        if self.names.output is not None:
            self._output(answer.get(self.names.output), any_output=any_output)
        if self.names.cost is not None:
            self.cost = self._number(answer.get(self.names.cost), "cost", least=0.0, known=self.cost)
        if self.names.quality is not None:
            self.quality = self._number(answer.get(self.names.quality), "quality", least=None, known=self.quality)

    def _output(self, value: object, *, any_output: bool) -> None:
        if isinstance(value, str):
            self.texts.append(text(value))
        elif any_output and value is not None:
            self.texts.append(written(value).replace(CUT, ""))

    def _number(self, value: object, what: str, *, least: float | None, known: float | None) -> float | None:
        if value is None:
            return known
        found = number(value)
        if found is None or (least is not None and found < least):
            self.problem = self.problem or f"the {what} field holds no number that it could be"
            return known
        return found

    @property
    def any(self) -> bool:
        return bool(self.texts) or self.cost is not None or self.quality is not None

    @property
    def text(self) -> str:
        return clean("".join(self.texts))
