"""/v1/status: the service at this moment."""

from __future__ import annotations

from fastapi import APIRouter, Request

from verdigris.api.asked import Asked
from verdigris.api.problems import documented
from verdigris.api.views import status_view
from verdigris.core.model.errors import StoreError
from verdigris.wire import StatusView

routes = APIRouter(prefix="/v1/status", tags=["status"])


@routes.get("", responses=documented(StoreError))
async def get_status(asked: Asked, request: Request) -> StatusView:
    """Desired and observed traffic, telemetry, the latest rollout, and what is wrong."""
    return status_view(await asked.status(), request.app.state.gateway_url)
