"""Entry points to plugs. Built-ins enter by the same door as anybody's: the group `verdigris.scorers` of a package's metadata.

A plug is a frozen dataclass whose fields are its options; those that are not arguments are its own affair. Options are checked
by pydantic against the fields' types, so a plug says what it takes by its annotations alone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NotRequired, get_args, get_type_hints

from verdigris.core.model.errors import ConfigError

SCORERS = "verdigris.scorers"


def names(group: str = SCORERS) -> tuple[str, ...]:
    """The plugs that are installed, in alphabetical order."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def make(name: str, options: Mapping[str, Any], *, group: str = SCORERS) -> Any:
    """The plug of this name with these options.

    Raises: ConfigError when there is no such plug, when it cannot be loaded, or for an option that it does not take.
    """
    plug = _loaded(name, group)
    known = [field.name for field in fields(plug) if field.init]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"scorer {name} has no option {option!r}{_nearest(option, known)}",
                key=option,
                hint=f"its options are: {', '.join(known) or 'none'}",
            )
    made = _checked(name, plug, options)
    missing = [member for member in ("name", "version", "is_free") if not hasattr(made, member)]
    if not (hasattr(made, "score") or hasattr(made, "compare")):
        missing.append("score or compare")
    if missing and group == SCORERS:
        raise ConfigError(
            f"{name} is no scorer: it has no {' and no '.join(missing)}", hint="see docs/how-to/write-a-scorer.md"
        )
    return made


def settled(name: str, options: Mapping[str, Any], folder: str | Path, *, group: str = SCORERS) -> dict[str, Any]:
    """The options, with relative paths taken from `folder` on, which is that of the file they stand in.

    Paths are the texts of fields whose type is, or may be, a `Path`. What is no plug keeps its options: `make` says so.
    """
    try:
        hints = get_type_hints(_loaded(name, group))
    except ConfigError:
        return dict(options)
    paths = {key for key, hint in hints.items() if Path in (hint, *get_args(hint))}
    return {key: _from(folder, value) if key in paths else value for key, value in options.items()}


def _from(folder: str | Path, value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    try:
        return str(Path(folder, Path(value).expanduser()))
    except RuntimeError:  # the home of nobody who is known
        return str(Path(folder, value))


def schema(name: str, *, group: str = SCORERS) -> dict[str, Any]:
    """The JSON Schema of a plug's options. Raises: ConfigError."""
    found: dict[str, Any] = _options(name, _loaded(name, group)).json_schema()
    return found


def _options(name: str, plug: type) -> Any:
    """A reader of the plug's options: what a plug keeps beside them is none of the file's business."""
    from pydantic import TypeAdapter  # noqa: PLC0415 -- loaded only where it is used
    from typing_extensions import TypedDict  # noqa: PLC0415 -- pydantic cannot read that of Python 3.11

    hints = get_type_hints(plug)
    taken = {
        field.name: hints[field.name] if _is_needed(field) else NotRequired[hints[field.name]]
        for field in fields(plug)
        if field.init
    }
    return TypeAdapter(TypedDict(name, taken))  # type: ignore[operator]  # made of what only the plug knows


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _checked(name: str, plug: type, options: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError  # noqa: PLC0415 -- loaded only where it is used

    try:
        return plug(**_options(name, plug).validate_python(dict(options)))
    except ValidationError as error:
        raise _wrong(name, options, error.errors(include_input=False, include_url=False)) from None
    except ValueError as error:  # what the plug itself says of its options
        places = {key: re.search(rf"\b{re.escape(key)}\b", str(error)) for key in options}
        named = sorted((found.start(), key) for key, found in places.items() if found is not None)
        raise ConfigError(f"scorer {name}: {error}", key=named[0][1] if named else "") from None


_SHOULD_BE = {
    "string_type": "a text",
    "path_type": "the path of a file",
    "dict_type": "keys with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}


def _wrong(name: str, options: Mapping[str, Any], found: Sequence[Any]) -> ConfigError:
    """The first of pydantic's complaints in words; of a value that may be of several types there is one for each."""
    key = _key(options, found[0]["loc"])
    of_key = [each for each in found if _key(options, each["loc"]) == key]
    if found[0]["type"] == "missing":
        return ConfigError(f"option {key} of scorer {name} is missing", key=key, hint=f"add {key}: …")
    known = [
        f"one of {each['ctx']['expected']}" if each["type"] == "literal_error" else _SHOULD_BE.get(each["type"])
        for each in of_key
    ]
    if None in known:
        return ConfigError(f"option {key} of scorer {name}: {of_key[0]['msg']}", key=key)
    wanted = " or ".join(dict.fromkeys(word for word in known if word))
    hint = "put it in quotes" if {each["type"] for each in of_key} == {"string_type"} and _is_bare(options, key) else ""
    return ConfigError(f"option {key} of scorer {name} should be {wanted}", key=key, hint=hint)


def _is_bare(options: Mapping[str, Any], key: str) -> bool:
    """Whether YAML reads what stands there as a number, true or false."""
    return isinstance(options.get(key), int | float)


def _key(options: Any, location: Sequence[Any]) -> str:
    """Where in the options it is, without the names of types."""
    parts: list[str] = []
    node = options
    for part in location:
        has = part in node if isinstance(node, Mapping) else isinstance(node, list) and part in range(len(node))
        if has:
            node = node[part]
        if has or not parts:
            parts.append(str(part))
    return ".".join(parts)


def _loaded(name: str, group: str) -> type:
    found = next(_named(name, group), None)
    if found is None:
        known = names(group)
        raise ConfigError(f"there is no scorer {name!r}{_nearest(name, known)}", hint=f"there are: {', '.join(known)}")
    try:
        plug = found.load()
    except Exception as error:
        raise ConfigError(
            f"scorer {name} cannot be loaded: {type(error).__name__}: {error}", hint=f"it is declared as {found.value}"
        ) from error
    if not (isinstance(plug, type) and is_dataclass(plug)):
        raise ConfigError(f"scorer {name} is no dataclass", hint=f"it is declared as {found.value}")
    return plug


def _named(name: str, group: str) -> Iterator[EntryPoint]:
    return iter(entry_points(group=group, name=name))


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
