"""How a typed value maps to JSON and back, read once from its annotations.

A Shape encodes values of one type and decodes what it encoded. Encoding refuses values that are not of the declared
type (TypeError), so that nothing is written that could not be read again; decoding refuses with Damaged.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Protocol, Union, get_args, get_origin, get_type_hints

from verdigris.core.model.strategy import Otherwise, Policy


class Damaged(ValueError):
    """What was read is not what was written; `place` leads to the member."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place.lstrip('.')}: {problem}" if place else problem)
        self.problem = problem
        self.place = place

    def within(self, step: str) -> Damaged:
        return Damaged(self.problem, step + self.place)


class Shape(Protocol):
    """One type's way to JSON and back."""

    def encode(self, value: Any) -> Any: ...

    def decode(self, value: Any) -> Any: ...


@cache
def shape_of(kind: Any) -> Shape:
    """The shape of a type: a plain one, a StrEnum, a Literal, a tuple, texts by name, a dataclass or a union."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin = get_origin(kind)
    if origin is Literal:
        return _OneOf({str(text): text for text in get_args(kind)})
    if origin in (Union, UnionType):
        return _union(kind)
    if origin is tuple:
        return _tuple(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _OneOf({member.value: member for member in kind})
    if origin is Mapping and get_args(kind) == (str, str):
        return _Texts()
    if kind is Policy:
        return _WordOrPolicy(shape_of(Otherwise), _record(Policy))
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"values of {kind!r} cannot be stored")


# ------------------------------------------------------------------ plain values


@dataclass(frozen=True, slots=True)
class _Plain:
    kind: type

    def encode(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"{value!r} is not {self.kind.__name__}")
        return value

    def decode(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise Damaged(f"{_short(value)} is not {self.kind.__name__}")
        return value


class _Integer:
    def encode(self, value: Any) -> int:
        return int(operator.index(value))

    def decode(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Damaged(f"{_short(value)} is not an integer")
        return value


class _Float:
    """Every bit is kept; what JSON has no number for is written as a word."""

    words: Mapping[str, float] = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}

    def encode(self, value: Any) -> float | str:
        if not isinstance(value, float | int):
            raise TypeError(f"{value!r} is not a number")
        number = float(value)
        return number if math.isfinite(number) else str(number)

    def decode(self, value: Any) -> float:
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        if not isinstance(value, float | int) or isinstance(value, bool):
            raise Damaged(f"{_short(value)} is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Damaged(f"{_short(value)} is beyond a 64-bit float")
        return number


_PLAIN: dict[Any, Shape] = {
    str: _Plain(str),
    bool: _Plain(bool),
    int: _Integer(),
    float: _Float(),
    NoneType: _Plain(NoneType),
}


class _Texts:
    """Texts by name."""

    def encode(self, value: Any) -> dict[str, str]:
        text = _PLAIN[str]
        return {text.encode(name): text.encode(each) for name, each in value.items()}

    def decode(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Damaged(f"{_short(value)} is not an object")
        text = _PLAIN[str]
        return {text.decode(name): text.decode(each) for name, each in value.items()}


@dataclass(frozen=True, slots=True)
class _OneOf:
    words: Mapping[str, Any]

    def encode(self, value: Any) -> str:
        text = str(value)
        if text not in self.words:
            raise TypeError(f"{value!r} is none of {', '.join(self.words)}")
        return text

    def decode(self, value: Any) -> Any:
        if not isinstance(value, str) or value not in self.words:
            raise Damaged(f"{_short(value)} is none of {', '.join(self.words)}")
        return self.words[value]


# ------------------------------------------------------------------ tuples


def _tuple(arguments: tuple[Any, ...]) -> Shape:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _Many(shape_of(arguments[0]))
    return _Fixed(tuple(shape_of(argument) for argument in arguments))


@dataclass(frozen=True, slots=True)
class _Many:
    item: Shape

    def encode(self, value: Any) -> list[Any]:
        return [self.item.encode(item) for item in value]

    def decode(self, value: Any) -> tuple[Any, ...]:
        return tuple(_at(f"[{index}]", self.item, item) for index, item in enumerate(_array(value)))


@dataclass(frozen=True, slots=True)
class _Fixed:
    items: tuple[Shape, ...]

    def encode(self, value: Any) -> list[Any]:
        return [shape.encode(item) for shape, item in zip(self.items, value, strict=True)]

    def decode(self, value: Any) -> tuple[Any, ...]:
        array = _array(value)
        if len(array) != len(self.items):
            raise Damaged(f"{len(array)} items instead of {len(self.items)}")
        return tuple(_at(f"[{index}]", self.items[index], item) for index, item in enumerate(array))


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise Damaged(f"{_short(value)} is not an array")
    return list(value)


# ------------------------------------------------------------------ dataclasses and unions


def _record(kind: type) -> Shape:
    hints = get_type_hints(kind)
    members = {member.name: shape_of(hints[member.name]) for member in fields(kind)}
    required = frozenset(
        member.name for member in fields(kind) if member.default is MISSING and member.default_factory is MISSING
    )
    return _Record(kind, members, required)


@dataclass(frozen=True, slots=True)
class _Record:
    kind: type
    members: Mapping[str, Shape]
    required: frozenset[str]

    def encode(self, value: Any) -> dict[str, Any]:
        if type(value) is not self.kind:
            raise TypeError(f"{value!r} is not {self.kind.__name__}")
        return {name: shape.encode(getattr(value, name)) for name, shape in self.members.items()}

    def decode(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Damaged(f"{_short(value)} is not an object")
        if missing := self.required - value.keys():
            raise Damaged(f"{self.kind.__name__} lacks {', '.join(sorted(missing))}")
        if unknown := value.keys() - self.members.keys():
            raise Damaged(f"{self.kind.__name__} has no member {', '.join(sorted(map(str, unknown)))}")
        arguments = {name: _at(f".{name}", self.members[name], member) for name, member in value.items()}
        try:
            return self.kind(**arguments)
        except ValueError as error:
            raise Damaged(str(error)) from error


@dataclass(frozen=True, slots=True)
class _WordOrPolicy:
    """A policy that is the same whatever the judge says is its one word, as it was when there were only words."""

    word: Shape
    whole: Shape

    def encode(self, value: Any) -> Any:
        single = value.single if type(value) is Policy else None
        return self.whole.encode(value) if single is None else self.word.encode(single)

    def decode(self, value: Any) -> Any:
        return Policy.always(self.word.decode(value)) if isinstance(value, str) else self.whole.decode(value)


def _union(kind: Any) -> Shape:
    rest = tuple(part for part in get_args(kind) if part is not NoneType)
    inner = shape_of(rest[0]) if len(rest) == 1 else Tagged.of(kind, shape_of)
    return _Optional(inner) if len(rest) < len(get_args(kind)) else inner


@dataclass(frozen=True, slots=True)
class _Optional:
    inner: Shape

    def encode(self, value: Any) -> Any:
        return None if value is None else self.inner.encode(value)

    def decode(self, value: Any) -> Any:
        return None if value is None else self.inner.decode(value)


@dataclass(frozen=True, slots=True)
class Tagged:
    """Dataclasses told apart by `type`, their class name."""

    kinds: Mapping[str, Shape]

    @classmethod
    def of(cls, kind: Any, shape: Callable[[Any], Shape]) -> Tagged:
        """The tagged shape of one dataclass or of a union of dataclasses."""
        parts = [part for part in get_args(kind) or (kind,) if part is not NoneType]
        if not all(isinstance(part, type) and is_dataclass(part) for part in parts):
            raise TypeError(f"values of {kind!r} cannot be told apart")
        return cls({part.__name__: shape(part) for part in parts})

    def encode(self, value: Any) -> dict[str, Any]:
        name = type(value).__name__
        if name not in self.kinds:
            raise TypeError(f"{value!r} is none of {', '.join(self.kinds)}")
        return {"type": name, **self.kinds[name].encode(value)}

    def decode(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Damaged(f"{_short(value)} is not an object")
        name = value.get("type")
        if not isinstance(name, str) or name not in self.kinds:
            raise Damaged(f"unknown type {_short(name)}; known are {', '.join(self.kinds)}")
        return self.kinds[name].decode({key: member for key, member in value.items() if key != "type"})


def _at(step: str, shape: Shape, value: Any) -> Any:
    try:
        return shape.decode(value)
    except Damaged as damage:
        raise damage.within(step) from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
