"""The access log line: its fields, named once for the driver that has Envoy write it and the source that reads it.

Fields are joined by the ASCII unit separator. What a client sends, the kinds of requests and the user's key, stands last,
so that it cannot move another field. What Envoy does not know it writes as `-`.
"""

from __future__ import annotations

from enum import IntEnum

from verdigris.core.model.reading import Format
from verdigris.core.model.strata import StrataBy

SEPARATOR = "\x1f"
INNER = "\x1e"
"""Separates the parts of ANSWER, which the answer filter writes as one value."""
UNKNOWN = "-"

OWN_CLUSTERS = "verdigris."
"""Prefix of clusters that are no environment: the access log itself, the controller's API."""

NAMESPACE = "verdigris"
ANSWER_KEY = "answer"


class Field(IntEnum):
    """Position in the line. Durations count from the first byte of the request.

    Where kinds of requests are told apart, what `in_line` names stands between ANSWER and KEY, in that order.
    """

    ENVIRONMENT = 0
    STATUS = 1
    FLAGS = 2
    RELEASE = 3
    DURATION_US = 4  # to the last byte sent to the client; unknown when the exchange was cut
    DURATION_MS = 5  # to the end of the exchange, however it ended
    FIRST_BYTE_US = 6  # to the first byte from the environment
    REQUEST_BYTES = 7
    RESPONSE_BYTES = 8
    ANSWER = 9
    KEY = 10  # the sticky key as the client sent it


class Answer(IntEnum):
    """Position in the ANSWER field: what the body of the answer says.

    What `in_answer` names follows, in that order, each as JSON writes it and at most LONGEST_LITERAL bytes of it.
    """

    INPUT_TOKENS = 0
    OUTPUT_TOKENS = 1
    COST = 2
    QUALITY = 3
    FINISH_REASON = 4
    MODEL = 5
    REFUSAL = 6  # `1` when a refusal text stands in the answer
    CACHE_READ = 7
    CACHE_WRITE = 8  # of Gemini: tokens of what its tools brought
    REASONING = 9
    FINGERPRINT = 10
    FORMAT = 11  # one of LETTERS: tells which counts are parts of which


LETTERS = {
    "c": Format.OPENAI_CHAT,
    "r": Format.OPENAI_RESPONSES,
    "a": Format.ANTHROPIC,
    "g": Format.GEMINI,
    "b": Format.BEDROCK_CONVERSE,
}
"""How the answer filter names a format."""

LONGEST_HEADER = 400
"""Bytes logged of a header that tells a kind: 100 characters of four bytes each."""
LONGEST_PATH = 1_024
"""Bytes logged of a path: the longest route that can be declared and the byte behind it fit in."""
LONGEST_LITERAL = 640
"""100 characters, each written as JSON escapes it, with their quotes."""


def in_line(strata: tuple[StrataBy, ...]) -> tuple[StrataBy, ...]:
    """Kinds that are read from the request, each a field of the line."""
    return tuple(by for by in strata if by.source != "field")


def in_answer(strata: tuple[StrataBy, ...]) -> tuple[StrataBy, ...]:
    """Kinds that are read from the answer's JSON, each a part of ANSWER."""
    return tuple(by for by in strata if by.source == "field")
