"""What the document's checker found, as errors a person can act on: the place, the key, the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from verdigris.core.model.errors import ConfigError
from verdigris.spec.document import LATER, Document
from verdigris.spec.source import Path, Source, dotted
from verdigris.spec.strategy import MAY_BE_BLANK
from verdigris.spec.wrong import Wrong

_LONGEST_LIST = 20


def problems(source: Source, found: ValidationError | None, *, root: type[BaseModel] = Document) -> list[ConfigError]:
    """Everything wrong with the file, one error a place, in the order of its lines. `root` is the shape it was checked by."""
    errors = [*source.errors, *_blanks(source)]
    if found is not None:
        details = found.errors(include_url=False, include_input=False)
        meant = {place for detail in details for place in _meant(source, detail, root)}
        errors += [_problem(source, detail, root) for detail in details if not _explained(source, detail, meant)]
    first: dict[str, ConfigError] = {}
    for error in errors:
        first.setdefault(error.key, error)
    return sorted(first.values(), key=lambda error: (error.line or 0, error.column or 0))


def _blanks(source: Source) -> Iterator[ConfigError]:
    for path in source.blanks:
        if path and path[-1] not in MAY_BE_BLANK:
            yield source.error(f"{dotted(path)} has no value", at=path, on_key=True, hint="write one, or take it out")


def _meant(source: Source, detail: Any, root: type[BaseModel]) -> Iterator[Path]:
    """The keys that unknown ones were meant to be: their absence needs no second complaint."""
    if detail["type"] != "extra_forbidden":
        return
    path = source.settle(detail["loc"])
    near = _nearest(str(path[-1]), known_keys(detail["loc"][:-1], root))
    if near:
        yield (*path[:-1], near)
    if path[-1] in LATER:
        yield path[:-1]


def _explained(source: Source, detail: Any, meant: set[Path]) -> bool:
    parent = source.settle(detail["loc"][:-1])
    return detail["type"] == "missing" and ((*parent, detail["loc"][-1]) in meant or parent in meant)


def _problem(source: Source, detail: Any, root: type[BaseModel]) -> ConfigError:
    location: Path = detail["loc"]
    wrong = detail.get("ctx", {}).get("error")
    if detail["type"] == "missing":
        return _missing(source, source.settle(location[:-1]), str(location[-1]))
    path = source.settle(location)
    if detail["type"] == "extra_forbidden":
        return _unknown(source, path, known_keys(location[:-1], root))
    if not isinstance(wrong, Wrong):
        wrong = _wrong(source, path, detail)
    if location and location[-1] == "[key]":
        message = f'{dotted(path[:-1])}: "{path[-1]}" {wrong.said}'
        return source.error(message, at=path, on_key=True, hint=wrong.hint)
    return source.wrong(wrong, at=path)


_WHY_PATHS = (
    "a request to them is sent a second time, so name those that are safe to repeat, such as paths: [/api/process]"
)


def _missing(source: Source, parent: Path, key: str) -> ConfigError:
    example = {
        "service": "service: summarizer",
        "environments": "environments: { blue: { url: … }, green: { url: … } }",
        "url": "url: http://127.0.0.1:3001",
        "use": "use: judge",
        "files": "files: cases/*.yaml",
        "rate": "rate: 5%",
        "id": "id: greeting",
        "text": "text: Within 30 days.",
        "cases": "cases: [ { id: greeting, input: Hello, contains: hello } ]",
        "input": "input: 0.15",
        "output": "output: 0.60",
        "weight": "{ weight: 10% }, { pause: 5m } or { approve: { timeout: 2h } }",
    }.get(key, "")
    if key == "paths":
        return source.error(f'missing key "paths"{_inside(parent)}', at=(*parent, key), hint=_WHY_PATHS)
    return source.error(
        f'missing key "{key}"{_inside(parent)}', at=(*parent, key), hint=f"such as {example}" if example else ""
    )


def _unknown(source: Source, path: Path, known: list[str]) -> ConfigError:
    key = str(path[-1])
    where = _inside(path[:-1])
    if key in LATER:
        message, hint = f'key "{key}"{where} is not supported yet in this version', "take it out"
        return source.error(message, at=path, on_key=True, hint=hint)
    near = _nearest(key, known)
    hint = f'did you mean "{near}"?' if near else f"known here: {', '.join(known)}" if known else ""
    return source.error(f'unknown key "{key}"{where}', at=path, on_key=True, hint=hint)


def _wrong(source: Source, path: Path, detail: Any) -> Wrong:
    """A Wrong for what the checker found by itself."""
    kind: str = detail["type"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return _choice(source, path, str(context["expected"]))
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return Wrong(f"{_holds(source, path)} where keys with values should stand")
    if kind == "list_type":
        return Wrong(f"{_holds(source, path)} where a list should stand", hint="begin each item with `- `")
    said, hint = _SAID.get(kind, ("cannot be used: {msg}", ""))
    return Wrong(said.format_map({**context, "msg": detail["msg"]}), hint=hint)


_SAID = {
    "string_type": ("holds several values where a text should stand", ""),
    "int_parsing": ("is not a whole number", "write digits, such as 50"),
    "int_type": ("is not a whole number", "write digits, such as 50"),
    "int_from_float": ("is not a whole number", "write digits, such as 50"),
    "bool_parsing": ("is neither true nor false", ""),
    "bool_type": ("is neither true nor false", ""),
    "float_parsing": ("is not a number", "write digits, such as 60"),
    "float_type": ("is not a number", "write digits, such as 60"),
    "greater_than": ("is not above {gt}", ""),
    "greater_than_equal": ("is below {ge}", ""),
    "less_than_equal": ("is above {le}", ""),
    "too_short": ("is empty", "write at least one, or take the key out"),
    "too_long": ("holds more than {max_length} items", ""),
}
"""What is said of a value, by the kind of the checker's complaint."""


def _choice(source: Source, path: Path, expected: str) -> Wrong:
    words = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
    raw = source.raw.get(path, "")
    if raw in LATER:
        return Wrong("is not supported yet in this version", hint=f"choose {_either(words)}")
    near = _nearest(raw, words)
    if len(words) == 1:
        return Wrong("is not known here", hint=f'did you mean "{words[0]}"?' if near else f"write {words[0]}")
    return Wrong(f"is not one of {', '.join(words)}", hint=f'did you mean "{near}"?' if near else "")


def _holds(source: Source, path: Path) -> str:
    node: Any = source.tree
    for part in path:
        node = node[part]
    return "holds a list" if isinstance(node, list) else "holds keys" if isinstance(node, dict) else "is a single value"


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _inside(path: Path) -> str:
    return f" in {dotted(path)}" if path else ""


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.replace("-", "_").lower(), [*known], n=1)
    return near[0] if near else ""


def known_keys(location: Path, root: type[BaseModel] = Document) -> list[str]:
    """The keys that may stand in the mapping at a checker's location, in the document's order; bounded for messages."""
    models: list[type[BaseModel]] = [root]
    for part in location:
        tagged = [model for model in models if model.__name__ == part]
        deeper = [
            inner
            for model in models
            if part in (fields := _written(model))
            for inner in _models(fields[str(part)].annotation)
        ]
        models = tagged or deeper or models
    keys = dict.fromkeys(key for model in models for key in _written(model))
    return list(keys)[:_LONGEST_LIST]


def _written(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A mapping's fields by their keys in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The mappings somewhere inside a type: `dict[Name, Annotated[X, …]] | None` holds X."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
