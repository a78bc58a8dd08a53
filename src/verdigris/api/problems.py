"""What goes wrong, as RFC 9457 problems: one table from our errors to statuses, one shape for all answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from verdigris.core.model.errors import (
    Conflict,
    Forbidden,
    NotFound,
    RequestError,
    StoreError,
    TrafficError,
    Unauthorized,
    VerdigrisError,
)
from verdigris.wire import FieldProblem, Problem

MEDIA_TYPE = "application/problem+json"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="verdigris"'}

_STATUSES: tuple[tuple[type[VerdigrisError], int], ...] = (  # the first that fits
    (NotFound, 404),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Conflict, 409),
    (RequestError, 400),
    (StoreError, 503),
    (TrafficError, 502),
    (VerdigrisError, 500),
)
_HTTP_CODES = {400: "request", 404: "no_such_path", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}
_STEPS = frozenset({"weight", "pause", "approve"})
_SHOWN = 3
_LONGEST_PATH = 300


def status_of(error: VerdigrisError) -> int:
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def answer(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    instance: str = "",
    errors: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response. `instance` is the path asked for, without its query."""
    problem = Problem(
        type=f"urn:verdigris:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        hint=hint,
        instance=instance[:_LONGEST_PATH],
        errors=errors,
    )
    return Response(problem.model_dump_json(), status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def answer_error(error: VerdigrisError, path: str) -> Response:
    """One of our errors as a problem. A failure that is nobody's request tells its code, not its insides."""
    headers = CHALLENGE if isinstance(error, Unauthorized) else None
    return answer(status_of(error), error.code, error.message, hint=error.hint, instance=path, headers=headers)


def install(app: FastAPI) -> None:
    """Makes every failure of `app` a problem."""
    app.add_exception_handler(VerdigrisError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, VerdigrisError):
        raise error
    return answer_error(error, request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = tuple(_fields(error))
    shown = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return answer(400, "request", shown + more, instance=request.url.path, errors=found)


def _fields(error: RequestValidationError) -> Iterator[FieldProblem]:
    for one in error.errors():
        place, *inside = one["loc"]
        if one["type"] == "json_invalid":
            message = f"the body is not JSON: {one['ctx']['error']} at character {inside[0]}"
            yield FieldProblem(field="", message=message)
        elif place == "body" and not inside:
            yield FieldProblem(field="", message=_whole_body(one))
        else:
            yield FieldProblem(field=_path(inside), message=one["msg"])


def _path(parts: Sequence[int | str]) -> str:
    """`strategy.steps.0.hold`: a step's kind, which pydantic puts behind its number, is no field."""
    before = (None, *parts)
    return ".".join(
        str(part)
        for part, previous in zip(parts, before, strict=False)
        if not isinstance(previous, int) or part not in _STEPS
    )


def _whole_body(one: Mapping[str, Any]) -> str:
    if isinstance(one.get("input"), bytes):
        return "the body is not JSON, or not said to be: send it with Content-Type: application/json"
    if one["type"] in ("model_attributes_type", "model_type", "dict_type"):
        return "the body must be a JSON object"
    return str(one["msg"])


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    details = {
        400: "the body cannot be read as JSON",
        404: f"there is nothing at {request.url.path[:_LONGEST_PATH]}",
        405: f"{request.method} is not possible here",
    }
    return answer(
        error.status_code,
        _HTTP_CODES.get(error.status_code, "request"),
        details.get(error.status_code, str(error.detail)),
        hint="GET /openapi.json lists what there is" if error.status_code in (404, 405) else "",
        instance=request.url.path,
        headers=error.headers,
    )


async def _unexpected(request: Request, _: Exception) -> Response:
    """The server's log gets the traceback; the caller does not."""
    return answer(
        500, "internal", "the controller failed to answer", hint="its log says more", instance=request.url.path
    )


def documented(*kinds: type[VerdigrisError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that may raise these, beside what every operation may answer."""
    found: dict[int, list[type[VerdigrisError]]] = {}
    everywhere: tuple[type[VerdigrisError], ...] = (RequestError, Unauthorized, Forbidden)
    for kind in everywhere + kinds:
        status = next(status for parent, status in _STATUSES if issubclass(kind, parent))
        found.setdefault(status, []).append(kind)
    described: dict[int | str, dict[str, Any]] = {
        status: _response(" ".join(f"`{kind.code}`: {kind.__doc__}" for kind in kinds))
        for status, kinds in found.items()
    }
    return described | {"default": _response("Any other failure.")}


def _response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
