"""A typed client of the public API: the same words as the server's, and the server's problems as our own errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ValidationError

from verdigris.core.model.errors import NotFound, RequestError, VerdigrisError
from verdigris.wire import (
    Body,
    EventList,
    EventView,
    ExplanationView,
    NoWord,
    PairList,
    PairView,
    Problem,
    QualityView,
    ReasonWord,
    RecordPage,
    RolloutList,
    RolloutView,
    SampleList,
    StartRollout,
    StatusView,
    StepWord,
    StrategyBody,
)

LATEST = "latest"
STARTING = 900.0
"""Seconds for which a start is waited for: declared cases may be asked of both sides before."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Answer = TypeVar("Answer", bound=BaseModel)


class ClientError(VerdigrisError):
    """The answer could not be understood, or the server failed; `status` is the HTTP status where there was one."""

    code = "client"

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Unreachable(ClientError):
    """Nobody answered at that address, or not in time."""

    code = "unreachable"


class Client:
    """Talks to one controller. Use as a context manager, or call `close`.

    `url` is the API's address, such as `http://127.0.0.1:8081`. `timeout` bounds each call in seconds, but for a start, which may try the candidate out. `actor` is the
    name the event log shows as claimed by the caller.

    Every call raises the VerdigrisError that the server named (NotFound, StaleStep, …), Unreachable when nobody
    answers, ClientError when what answers is not a Verdigris.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = 30.0,
        *,
        actor: str = "",
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        base = _base(self.url)
        self._http = httpx2.Client(
            base_url=base,
            headers=_headers(token, actor),
            timeout=timeout,
            transport=transport,
            trust_env=base.host not in _LOOPBACK,  # a proxy has no business between us and ourselves
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # -------------------------------------------------------------- reading

    def status(self) -> StatusView:
        return self._ask("GET", "/v1/status", StatusView)

    def rollout(self, id: str = LATEST) -> RolloutView:  # noqa: A002 -- the field's own name
        """One rollout, or the latest. Raises: NotFound."""
        return self._ask("GET", _path(id), RolloutView)

    def rollouts(self, limit: int = 50) -> tuple[RolloutView, ...]:
        """Newest first."""
        return self._ask("GET", "/v1/rollouts", RolloutList, query={"limit": limit}).rollouts

    def events(self, id: str = LATEST, after: int = 0, limit: int = 1000) -> tuple[EventView, ...]:  # noqa: A002
        """Events numbered above `after`, in order. Raises: NotFound."""
        return self._ask("GET", _path(id, "events"), EventList, query={"after": after, "limit": limit}).events

    def explain(self, id: str = LATEST) -> ExplanationView:  # noqa: A002
        """Why it stands where it stands, in numbers. Raises: NotFound."""
        return self._ask("GET", _path(id, "explain"), ExplanationView)

    def record(self, id: str = LATEST) -> Iterator[bytes]:  # noqa: A002
        """The segments of what the judge was given, page by page, for `verdigris.core.analysis.replay`. Raises: NotFound."""
        after = 0
        while True:
            page = self._ask("GET", _path(id, "record"), RecordPage, query={"after": after})
            if not page.segments:
                return
            yield from page.segments
            after = page.after

    # -------------------------------------------------------------- samples and pairs

    def samples(self, environment: str = "", before: float | None = None, limit: int = 50) -> SampleList:
        """Those that are kept, newest first, with shortened texts. Raises: NotFound where the service declares no quality."""
        return self._ask(
            "GET", "/v1/samples", SampleList, query=_said(environment=environment, before=before, limit=limit)
        )

    def pairs(
        self,
        id: str = LATEST,  # noqa: A002
        kind: str = "",
        outcome: str = "",
        before: float | None = None,
        limit: int = 50,
    ) -> PairList:
        """A rollout's pairs that are kept, newest first, with shortened texts. Raises: NotFound."""
        query = _said(kind=kind, outcome=outcome, before=before, limit=limit)
        return self._ask("GET", _path(id, "pairs"), PairList, query=query)

    def pair(self, id: str) -> PairView:  # noqa: A002
        """One pair whole. Raises: NotFound."""
        return self._ask("GET", _path(id, things="pairs"), PairView)

    def quality(self, id: str = LATEST) -> QualityView:  # noqa: A002
        """What was sampled, scored, paired, dropped and spent. Raises: NotFound."""
        return self._ask("GET", _path(id, "quality"), QualityView)

    # -------------------------------------------------------------- a person's word

    def start_rollout(
        self, to: str | None = None, version: str | None = None, strategy: StrategyBody | None = None
    ) -> RolloutView:
        """Raises: NotFound, RolloutInProgress, Conflict, TrafficError."""
        body = _body(StartRollout, to=to, version=version, strategy=strategy)
        return self._ask("POST", "/v1/rollouts", RolloutView, body=body, patience=STARTING)

    def approve(self, id: str = LATEST, step: int | None = None) -> RolloutView:  # noqa: A002
        """Raises: NotFound, StaleStep, WrongPhase."""
        return self._say(id, "approve", _body(StepWord, step=step))

    def advance(self, id: str = LATEST, step: int | None = None) -> RolloutView:  # noqa: A002
        """Raises: NotFound, StaleStep, WrongPhase."""
        return self._say(id, "advance", _body(StepWord, step=step))

    def pause(self, id: str = LATEST, reason: str = "") -> RolloutView:  # noqa: A002
        """Raises: NotFound, WrongPhase."""
        return self._say(id, "pause", _body(ReasonWord, reason=reason))

    def resume(self, id: str = LATEST) -> RolloutView:  # noqa: A002
        """Raises: NotFound, WrongPhase."""
        return self._say(id, "resume", NoWord())

    def abort(self, id: str = LATEST, reason: str = "") -> RolloutView:  # noqa: A002
        """Raises: NotFound, WrongPhase."""
        return self._say(id, "abort", _body(ReasonWord, reason=reason))

    def rollback(self, id: str = LATEST, reason: str = "") -> RolloutView:  # noqa: A002
        """Also after the promotion, while the previous side is kept. Raises: NotFound, WrongPhase."""
        return self._say(id, "rollback", _body(ReasonWord, reason=reason))

    # -------------------------------------------------------------- how

    def _say(self, rollout: str, word: str, body: Body) -> RolloutView:
        return self._ask("POST", _path(rollout, word), RolloutView, body=body)

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[Answer],
        *,
        body: Body | None = None,
        query: Mapping[str, int | float | str] | None = None,
        patience: float = 0.0,
    ) -> Answer:
        sent = body.model_dump(mode="json", exclude_none=True) if body else None
        try:
            response = self._http.request(
                method,
                path,
                json=sent,
                params=query,
                timeout=httpx2.Timeout(self._timeout, read=max(patience, self._timeout)),
            )
        except httpx2.TimeoutException as error:
            raise Unreachable(f"{self.url} did not answer in time", hint="is the controller overloaded?") from error
        except httpx2.HTTPError as error:
            raise Unreachable(
                f"cannot reach the controller at {self.url}: {str(error) or type(error).__name__}",
                hint="is `verdigris up` running there?",
            ) from error
        if not response.is_success:
            raise _error(response, self.url)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise _stranger(response, self.url) from error


def _base(url: str) -> httpx2.URL:
    hint = "write it as http://HOST:PORT"
    try:
        base = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ClientError(f"{url!r} is not an address: {error}", hint=hint) from error
    if base.scheme not in ("http", "https") or not base.host:
        raise ClientError(f"{url!r} is not an address", hint=hint)
    return base


def _headers(token: str | None, actor: str) -> dict[bytes, bytes]:
    headers = {b"accept": b"application/json, application/problem+json"}
    if token:
        if not token.isprintable() or token != token.strip():
            raise ClientError(
                "the token holds a line break, a control character or a space at its end",
                hint="was it read from a file with its last line break?",
            )
        headers[b"authorization"] = f"Bearer {token}".encode()
    if actor:
        headers[b"x-actor"] = "".join(letter for letter in actor if letter.isprintable()).strip().encode()
    return headers


def _said(**given: str | float | None) -> dict[str, int | float | str]:
    """What is given of a query."""
    return {name: value for name, value in given.items() if value not in (None, "")}


def _path(name: str, word: str = "", *, things: str = "rollouts") -> str:
    if name in ("", ".", "..") or "/" in name:  # each would be another path
        hint = f"give an id, or {LATEST!r}" if things == "rollouts" else "give an id"
        raise NotFound(f"{name!r} is no {things.removesuffix('s')}'s id", hint=hint)
    place = f"/v1/{things}/{quote(name, safe='')}"
    return f"{place}/{word}" if word else place


def _body(kind: type[Answer], **fields: Any) -> Answer:
    """A request's body, refused here already where the server would refuse it."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"{where}: {first['msg']}") from error


def _error(response: httpx2.Response, url: str) -> VerdigrisError:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return _stranger(response, url)
    known = _KINDS.get(problem.code)
    if known is not None:
        return known(problem.detail, hint=problem.hint)
    if response.is_client_error:
        return RequestError(problem.detail, hint=problem.hint)
    return ClientError(problem.detail, hint=problem.hint, status=response.status_code)


def _stranger(response: httpx2.Response, url: str) -> ClientError:
    kind = response.headers.get("content-type", "no content type").split(";")[0][:80]
    return ClientError(
        f"{url} answered {response.status_code} with {kind} that is not an answer of the Verdigris API",
        hint="is this the controller's address, and not the gateway's or a proxy's?",
        status=response.status_code,
    )


def _kinds(kind: type[VerdigrisError]) -> dict[str, type[VerdigrisError]]:
    """The tree of errors.py by code, from `kind` down."""
    kinds = {kind.code: kind}
    for below in kind.__subclasses__():
        if below.__module__ == VerdigrisError.__module__:
            kinds |= _kinds(below)
    return kinds


_KINDS = _kinds(VerdigrisError)
