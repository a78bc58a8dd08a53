"""Models named in paths: Bedrock's /model/{id}/converse and Gemini's /models/{id}:generateContent."""

from __future__ import annotations

import re
from urllib.parse import unquote

from verdigris.core.reading.members import word

_MODEL = re.compile(r"/model/([^/?]+)/converse|/models/([^/:?]+)(?::|%3A)", re.IGNORECASE)
_ARN = re.compile(r"arn:.*:(?:foundation-model|inference-profile)/(.+)", re.DOTALL)


def model_in(path: str) -> str | None:
    """The model's name without the account it belongs to: of an ARN only the last part. None where the path names none."""
    named = _MODEL.search(path)
    if named is None:
        return None
    model = unquote(named[1] or named[2])
    arn = _ARN.fullmatch(model)
    return word(arn[1] if arn else model)
