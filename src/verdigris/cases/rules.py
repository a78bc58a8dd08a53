"""What an answer must hold, rule by rule. Those here look at the text alone; those that ask a scorer are told apart by type."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jsonschema_rs

MOST_TEXT = 200_000
"""Characters of an answer that are looked at."""

_BACKTRACKS = 1_000_000
_SHOWN = 60

Word: TypeAlias = tuple[float, str]
"""A value in 0..1 and a sentence about it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keywords:
    """All of `every`, and one of `some`, whatever the size of their letters."""

    every: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    name: str = "keywords"

    def check(self, text: str) -> Word:
        folded = _folded(text)
        missing = [word for word in self.every if _folded(word) not in folded]
        none_of = bool(self.some) and not any(_folded(word) in folded for word in self.some)
        parts = len(self.every) + bool(self.some)
        said = [f"{_list(missing)} missing"] if missing else []
        said += [f"none of {_list(self.some)} is there"] if none_of else []
        return (parts - len(missing) - none_of) / parts, "; ".join(said) or "all keywords are there"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contains:
    """Each of `texts`, letter by letter."""

    texts: tuple[str, ...]
    name: str = "contains"

    def check(self, text: str) -> Word:
        missing = [part for part in self.texts if part not in text]
        said = f"{_list(missing)} missing" if missing else "all that must be there is there"
        return 1 - len(missing) / len(self.texts), said


@dataclass(frozen=True, kw_only=True, slots=True)
class NotContains:
    """None of `texts`, whatever the size of their letters."""

    texts: tuple[str, ...]
    name: str = "not_contains"

    def check(self, text: str) -> Word:
        folded = _folded(text)
        found = [part for part in self.texts if _folded(part) in folded]
        return (0.0, f"{_list(found)} must not be there") if found else (1.0, "nothing is there that must not be")


@dataclass(frozen=True, kw_only=True, slots=True)
class Equals:
    """This text, but for white space at the ends."""

    text: str
    name: str = "equals"

    def check(self, text: str) -> Word:
        same = text.strip() == self.text.strip()
        return (1.0, "the answer is the one expected") if same else (0.0, f"the answer is not {_short(self.text)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Regex:
    """Found somewhere in the answer. The engine counts its steps, so that no pattern runs for ever.

    Raises: ValueError for a pattern that is none.
    """

    pattern: str
    name: str = "regex"
    _found: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS, size_limit=10 << 20)
        try:
            self._found.append(
                jsonschema_rs.validator_for({"type": "string", "pattern": self.pattern}, pattern_options=options)
            )
        except Exception:  # noqa: BLE001 -- the library has several, and quotes the schema it was wrapped in
            raise ValueError("is no regular expression") from None

    def check(self, text: str) -> Word:
        found = bool(self._found[0].is_valid(text))
        return (1.0, f"{_short(self.pattern)} is found") if found else (0.0, f"{_short(self.pattern)} is not found")


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """In characters, both ends included."""

    least: int | None = None
    most: int | None = None
    name: str = "length"

    def check(self, text: str) -> Word:
        size = len(text.strip())
        if self.least is not None and size < self.least:
            return 0.0, f"{size:,} characters, fewer than {self.least:,}"
        if self.most is not None and size > self.most:
            return 0.0, f"{size:,} characters, more than {self.most:,}"
        return 1.0, f"{size:,} characters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """The answer is JSON that fits this schema. https://json-schema.org/draft/2020-12

    Raises: ValueError for a schema that is none, or that refers to what would have to be fetched.
    """

    schema: dict[str, Any] | bool
    name: str = "schema"
    _validator: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)
        try:
            self._validator.append(
                jsonschema_rs.validator_for(self.schema, pattern_options=options, retriever=_nothing_is_fetched)
            )
        except Exception as error:  # noqa: BLE001 -- as above
            raise ValueError(f"is no JSON Schema: {str(error).splitlines()[0]}") from None

    def check(self, text: str) -> Word:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return 0.0, "the answer is no JSON"
        wrong = next(iter(self._validator[0].iter_errors(value)), None)
        if wrong is None:
            return 1.0, "the answer fits the schema"
        where = "/".join(str(part) for part in wrong.instance_path) or "the top"
        return 0.0, f"at {where} the answer breaks {'/'.join(str(part) for part in wrong.schema_path)}"


TextRule: TypeAlias = Keywords | Contains | NotContains | Equals | Regex | Length | Schema


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """How much the answer is like `text`, as the plug `scorer` measures it."""

    text: str
    scorer: str
    plug: Any = field(repr=False, compare=False)
    name: str = "reference"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rubric:
    """What a judge is asked about the answer."""

    text: str
    scorer: str
    plug: Any = field(repr=False, compare=False)
    name: str = "judge"


Rule: TypeAlias = TextRule | Reference | Rubric


def _nothing_is_fetched(uri: str) -> Any:
    raise ValueError(f"{uri} is elsewhere, and nothing is fetched")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _short(text: str) -> str:
    shown = text.strip() if len(text.strip()) <= _SHOWN else f"{text.strip()[:_SHOWN]}…"
    return f'"{shown}"'


def _list(texts: list[str] | tuple[str, ...]) -> str:
    shown = [_short(text) for text in texts[:5]]
    return ", ".join(shown) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")
