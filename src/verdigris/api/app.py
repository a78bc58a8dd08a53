"""The application: guard, bounds and endpoints put together over one controller."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import SecretStr

from verdigris import wire
from verdigris.api import deploy, health, metrics, problems, quality, rollouts, status
from verdigris.api.auth import OPEN_PATHS, Guard, Token
from verdigris.api.bounds import Bounds
from verdigris.controller.service import Controller

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "admin_token": {"type": "apiKey", "in": "header", "name": "X-Admin-Token"},
}


def create_app(controller: Controller, *, token: SecretStr | str | None, gateway_url: str = "") -> FastAPI:
    """The API of `controller` as an ASGI application.

    Without a token it serves only callers on this machine: ask `loopback.require_safe_listen` before listening anywhere else.
    `gateway_url` is what the status calls the service's address. No page is served: nothing is loaded from elsewhere.
    """
    app = FastAPI(
        title="Verdigris",
        version=version("verdigris"),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.controller = controller
    app.state.gateway_url = gateway_url
    for group in (rollouts, quality, status, health, metrics, deploy):
        app.include_router(group.routes)
    problems.install(app)
    app.add_api_route("/openapi.json", lambda: described(app), include_in_schema=False, name="openapi")
    app.add_middleware(Bounds)
    app.add_middleware(Guard, token=Token.of(token))  # added last, so it stands first
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the shape of problems and the ways to send the token."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=wire.__doc__)
        parts = document.setdefault("components", {})
        schema = wire.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.setdefault("schemas", {}).update({**schema.pop("$defs", {}), "Problem": schema})
        parts["securitySchemes"] = _SECURITY
        document["security"] = [{name: []} for name in _SECURITY]
        for path in OPEN_PATHS:
            document["paths"][path]["get"]["security"] = []
        app.openapi_schema = document
    return app.openapi_schema
