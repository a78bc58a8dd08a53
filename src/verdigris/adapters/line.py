"""The access log line: its fields, named once for the driver that has Envoy write it and the source that reads it.

Fields are joined by the ASCII unit separator. Header values cannot hold it; the user's key stands last, so that nothing
a client sends can move another field. What Envoy does not know it writes as `-`.
"""

from __future__ import annotations

from enum import IntEnum

SEPARATOR = "\x1f"
INNER = "\x1e"
"""Separates the parts of ANSWER, which the answer filter writes as one value."""
UNKNOWN = "-"

OWN_CLUSTERS = "verdigris."
"""Prefix of clusters that are no environment: the access log itself, the controller's API."""

NAMESPACE = "verdigris"
ANSWER_KEY = "answer"


class Field(IntEnum):
    """Position in the line. Durations count from the first byte of the request."""

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
    """Position in the ANSWER field: what the body of the answer says."""

    INPUT_TOKENS = 0
    OUTPUT_TOKENS = 1
    COST = 2
    QUALITY = 3
    FINISH_REASON = 4
    MODEL = 5
    REFUSAL = 6  # `1` when a refusal text stands in the answer
