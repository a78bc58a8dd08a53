"""Which language a text is written in, by py3langid, and only where it is sure."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_LEAST = 80  # characters of prose, below which nobody can be sure
_SURE = 0.98
_READ = 2_000
_NO_PROSE = re.compile(r"```.*?```|`[^`\n]*`|https?://\S+|[{}\[\]<>\"=;|_#*\\/]|\d+", re.DOTALL)


def language_of(text: str) -> str | None:
    """An ISO 639-1 code; None for little text, code, tables of numbers and whatever else leaves a doubt."""
    prose = " ".join(_NO_PROSE.sub(" ", text[: 4 * _READ]).split())[:_READ]
    if len(prose) < _LEAST or len(prose) < 0.5 * min(len(text), _READ):
        return None
    code, share = _identifier().classify(prose)
    return str(code) if share >= _SURE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 -- loads a model of 4 MB

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
