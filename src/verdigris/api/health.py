"""/health and /ready, for supervisors: without a token they say ok or not ok, and nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from verdigris.api.asked import Asked
from verdigris.controller.service import Controller
from verdigris.core.model.errors import VerdigrisError
from verdigris.wire import HealthView

routes = APIRouter(tags=["health"])


@routes.get("/health")
async def get_health() -> HealthView:
    """Ok while the process answers at all."""
    return HealthView(status="ok")


@routes.get("/ready", responses={503: {"model": HealthView, "description": "Not ready to decide; traffic stays."}})
async def get_ready(asked: Asked, request: Request, response: Response) -> HealthView:
    """Ok when the store, the data plane and the split are as they should be."""
    ready, problems = await _readiness(asked)
    if not ready:
        response.status_code = 503
    return HealthView(status="ok" if ready else "not ok", problems=problems if request.state.trusted else ())


async def _readiness(controller: Controller) -> tuple[bool, tuple[str, ...]]:
    try:
        status = await controller.status()
    except VerdigrisError as error:
        return False, (str(error),)
    return status.ready, status.problems
