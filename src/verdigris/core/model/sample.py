"""Exchanges and Samples: a request and its answer, as copied by the data plane and as kept.

An Exchange holds what really travelled, credentials included. It lives in memory only, for seconds: to be scored and sent to
the other side. A Sample is what of it is kept: redacted, bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verdigris.core.model.reading import Reading
from verdigris.core.model.score import Score, ScoreFailure


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One copied request with its answer, complete at unix time `at`; it began at `began`.

    Header names are in small letters. Bodies are the bytes that travelled, a `content-encoding` not undone. `cut` says that a
    body was longer than the limit and only its beginning is here; `is_whole` is False when the answer broke off.
    `status` is 0 when no answer came. `unit` and `stratum` are those of the request's Observation.
    Nothing of it is shown by `repr`: it may hold secrets.
    """

    id: str
    at: float
    began: float
    environment: str
    release: str
    method: str = field(repr=False)
    path: str = field(repr=False)
    request_headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    request_body: bytes = field(repr=False, default=b"")
    status: int = 0
    response_headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    response_body: bytes = field(repr=False, default=b"")
    cut: bool = False
    is_whole: bool = True
    unit: int | None = None
    stratum: str = ""

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def failed(self) -> bool:
        """As of an Observation: 5xx, or no answer at all."""
        return self.status >= 500 or self.status == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One redacted exchange. `input` and `output` are texts as people read them; `scores` are all words on it so far.

    `system` is the instruction the model was given, where the request or the release tells it.
    `format` of the output is asked by the request: `wants_json` when it asked for JSON.
    """

    id: str
    at: float
    began: float
    environment: str
    release: str
    route: str
    input: str
    output: str
    status: int
    duration: float
    reading: Reading
    system: str = ""
    wants_json: bool = False
    redacted: int = 0
    unit: int | None = None
    stratum: str = ""
    scores: tuple[Score | ScoreFailure, ...] = ()

    @property
    def failed(self) -> bool:
        return self.status >= 500 or self.status == 0
