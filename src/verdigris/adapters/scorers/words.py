"""What scorers share: their version, and the words of a text."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields
from typing import Any

_WORD = re.compile(r"\w+", re.UNICODE)
_PLAIN = b"abcdefghijklmnopqrstuvwxyz "


def version_of(plug: Any, *, code: int) -> str:
    """A digest of a plug's options and the number of its code, which is raised with every change of what it says."""
    options = {field.name: getattr(plug, field.name) for field in fields(plug) if field.init}
    text = json.dumps([type(plug).__qualname__, code, options], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def most_tokens(text: str) -> int:
    """As many as a text can have in nearly any model: one of each byte, of two in a row of small Latin letters and blanks.

    No vocabulary of bytes makes more than one of a byte; small letters stand in pairs in all of them, digits and capitals do not.
    """
    data = text.encode("utf-8", "surrogatepass")
    odd = len(data.translate(None, _PLAIN))
    return odd + (len(data) - odd + 1) // 2


def words(text: str) -> list[str]:
    """In small letters, without what stands between them."""
    return _WORD.findall(text.lower())
