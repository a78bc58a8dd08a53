"""People's labels, one JSON object a line.

- Of an answer: `{"input": "…", "output": "…", "label": "pass"}`, or `"fail"`.
- Of two answers: `{"input": "…", "first": "…", "second": "…", "label": "first"}`, or `"second"`, or `"tie"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdigris.core.model.calibration import On
from verdigris.core.model.compared import ComparedPair, PairKind
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.reading import Format, Reading
from verdigris.core.model.sample import Sample

WORDS: dict[On, tuple[str, ...]] = {"samples": ("pass", "fail"), "pairs": ("second", "first", "tie")}
"""The labels; the first of each is the positive one of sensitivity."""

MOST_LABELS = 100_000
_TEXTS: dict[On, tuple[str, ...]] = {"samples": ("input", "output"), "pairs": ("input", "first", "second")}
_SHAPE = 'such as {"input": "…", "output": "…", "label": "pass"} or {"input": "…", "first": "…", "second": "…", "label": "tie"}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What people say of `item`."""

    item: Sample | ComparedPair
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """All of one file, of one kind. `repeated` were there before with the same texts, and are left out."""

    on: On
    labels: tuple[Label, ...]
    repeated: int = 0


def read_labels(file: Path) -> Labels:
    """Raises: ConfigError, with the line."""
    kinds: set[On] = set()
    seen: set[tuple[str, ...]] = set()
    labels: list[Label] = []
    repeated = 0
    for number, said in _lines(file):
        on = _kind(file, number, said)
        kinds.add(on)
        if len(kinds) > 1:
            raise _wrong(file, number, "it labels pairs and other lines single answers", hint="use a file for each")
        texts = tuple(str(said[key]) for key in _TEXTS[on])
        if texts in seen:
            repeated += 1
            continue
        seen.add(texts)
        labels.append(Label(item=_item(on, number, texts), says=said["label"]))
    if not labels:
        raise ConfigError("it holds no labels", file=str(file), hint=_SHAPE)
    return Labels(on=kinds.pop(), labels=tuple(labels), repeated=repeated)


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if number > MOST_LABELS:
                    raise _wrong(file, number, f"there are more than {MOST_LABELS:,} lines")
                if line.strip():
                    yield number, _object(file, number, line)
    except OSError as error:
        raise ConfigError(f"the labels cannot be read: {error.strerror}", file=str(file)) from None
    except UnicodeDecodeError:
        raise ConfigError("the labels are not UTF-8", file=str(file)) from None


def _object(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _wrong(file, number, "it is no JSON object")
    return said


def _kind(file: Path, number: int, said: dict[str, Any]) -> On:
    on: On = "pairs" if "first" in said or "second" in said else "samples"
    for key in _TEXTS[on]:
        if not isinstance(said.get(key), str):
            raise _wrong(file, number, f"its {key} is missing or no text")
    if said.get("label") not in WORDS[on]:
        raise _wrong(file, number, f"its label is not one of {', '.join(WORDS[on])}", hint="")
    return on


def _item(on: On, number: int, texts: tuple[str, ...]) -> Sample | ComparedPair:
    if on == "samples":
        return _sample("answer", number, texts[0], texts[1])
    first, second = (_sample(side, number, texts[0], text) for side, text in zip(("a", "b"), texts[1:], strict=True))
    return ComparedPair(id=f"label-{number}", rollout="", at=0.0, kind=PairKind.CASE, stable=first, other=second)


def _sample(side: str, number: int, asked: str, answered: str) -> Sample:
    return Sample(
        id=f"label-{number}-{side}",
        at=0.0,
        began=0.0,
        environment=side,
        release="",
        route="/",
        input=asked,
        output=answered,
        status=200,
        duration=0.0,
        reading=Reading(format=Format.FIELDS, text=answered),
    )


def _wrong(file: Path, number: int, said: str, *, hint: str = _SHAPE) -> ConfigError:
    return ConfigError(said, file=str(file), line=number, hint=hint)
