"""Entry points to plugs. Built-ins enter by the same door as anybody's: the group `verdigris.scorers` of a package's metadata.

A plug is a frozen dataclass whose fields are its options; those that are not arguments are its own affair. Options are checked
by pydantic against the fields' types, so a plug says what it takes by its annotations alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NotRequired, get_type_hints

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
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"option {key} of scorer {name}: {first['msg']}", key=key) from None
    except ValueError as error:  # what the plug itself says of its options
        raise ConfigError(f"scorer {name}: {error}") from None


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
