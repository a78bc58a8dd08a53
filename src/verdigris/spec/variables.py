"""`${NAME}` and `${NAME:-default}` in values, filled from the environment; `$${` stands for `${` itself.

Variables are filled in after the YAML is read, so a value can never become structure. YAML reads the braces as a
mapping where the text is unquoted; they are hidden from it behind two private characters of equal width, so that
columns stay right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from verdigris.spec.wrong import Wrong

_WRITTEN = re.compile(r"\$\{([^{}\n]*)\}")
_OPEN, _CLOSE = "\ue000", "\ue001"
_HIDDEN = re.compile(rf"(\$?)\${_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?")


def protect(text: str) -> str:
    """The file's text with the braces of variables hidden."""
    return _WRITTEN.sub(rf"${_OPEN}\1{_CLOSE}", text)


def substitute(text: str, environ: Mapping[str, str] | None) -> str:
    """A scalar with its variables filled in, or, without `environ`, as it was written.

    Raises: Wrong naming the variable that is not set; never a value.
    """

    def fill(match: re.Match[str]) -> str:
        written = "${" + match[2] + "}"
        if environ is None:
            return match[1] + "$" + match[2].join("{}")
        if match[1]:
            return written
        return _value(match[2], environ)

    return _HIDDEN.sub(fill, text)


def fill(text: str, environ: Mapping[str, str]) -> str:
    """A text as it was written, with its variables filled in. Raises: Wrong, as `substitute`."""
    return substitute(protect(text), environ)


def _value(inside: str, environ: Mapping[str, str]) -> str:
    match = _NAME.fullmatch(inside)
    if match is None:
        raise Wrong(f"${{{inside}}} is not the name of a variable", hint="write ${NAME}, or $${ for the two characters")
    name, default = match[1], match[2]
    value = environ.get(name)
    if value is not None and (value or default is None):
        return value
    if default is None:
        raise Wrong(f"the environment variable {name} is not set", hint=f"export {name}, or write ${{{name}:-default}}")
    return default
