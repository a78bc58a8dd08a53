"""/metrics: what is counted, for Prometheus. Who may read the API may read this."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from verdigris.api.asked import Asked
from verdigris.api.problems import documented
from verdigris.core.model.errors import StoreError

routes = APIRouter(tags=["metrics"])


@routes.get("/metrics", response_class=PlainTextResponse, responses=documented(StoreError))
async def get_metrics(asked: Asked, request: Request) -> Response:
    """All counters, gauges and histograms in the text format of Prometheus."""
    from verdigris.api.exposition import exposed  # noqa: PLC0415 -- most controllers are never scraped

    families, accept = await asked.metrics(), request.headers.get("accept", "")
    text, content_type = await asyncio.to_thread(exposed, families, accept)  # many series would hold up the loop
    return Response(text, media_type=content_type)
