"""What is answered when something went wrong."""

from __future__ import annotations

from verdigris.wire.base import View


class FieldProblem(View):
    """One field of the request that cannot be used, as a path such as `strategy.steps.0.weight`."""

    field: str
    message: str


class Problem(View):
    """An RFC 9457 problem, sent as `application/problem+json`. `code` never changes its meaning; `hint` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()
