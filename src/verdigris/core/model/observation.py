"""An Observation: what one request did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """The two sides of a rollout, whatever the colours."""

    STABLE = "stable"
    CANDIDATE = "candidate"


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One finished request, as the data plane saw it. `None` means unknown, never zero.

    `at` is the unix time at which the response ended; `duration` and `time_to_first_byte` are seconds from the first
    byte of the request; `cost` is USD; `quality` lies in 0..1 as the service reported it (kept as reported: the judge
    decides about values out of range). `unit` is a hash of the sticky key, absent when the request was drawn by lot.
    `stratum` is the kind of request it was, where kinds are told apart.
    `input_tokens` and `output_tokens` count all of them; those of caches and of reasoning are parts of them (see `Usage`).
    `fingerprint` is the provider's word for the model's configuration. `cost_estimated` marks a cost worked out from
    tokens and a price table, not reported.
    `gateway_error` holds the data plane's own reason when it answered instead of the environment (for example `UF`,
    Envoy's flag for a failed upstream connection).
    """

    at: float
    environment: str
    status: int
    duration: float
    time_to_first_byte: float | None = None
    release: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    quality: float | None = None
    refusal: bool | None = None
    finish_reason: str | None = None
    response_model: str | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    unit: int | None = None
    gateway_error: str = ""
    stratum: str = ""
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    fingerprint: str | None = None
    cost_estimated: bool = False

    @property
    def failed(self) -> bool:
        """An answer the user could not use: 5xx, or none at all (status 0). 4xx are the client's own."""
        return bool(is_failure(self.status))


def is_failure(status: Any) -> Any:
    """The one rule for what failed: of a status, or of each in an array of them."""
    return (status >= 500) | (status == 0)
