"""The shape of verdigris.yaml, version 1: what may stand where, and what is taken where nothing stands."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from verdigris.core.model.service import Fields, Gateway
from verdigris.core.model.split import Sticky
from verdigris.spec.guardrails import GuardrailsDoc
from verdigris.spec.strata import StrataValue
from verdigris.spec.strategy import Preset, StrategyDoc, named
from verdigris.spec.types import (
    Doc,
    Listen,
    Name,
    Origin,
    PositiveDuration,
    RequestPath,
    StickyCookie,
    StickyHeader,
    Word,
)
from verdigris.spec.units import format_listen
from verdigris.spec.wrong import Wrong

DEFAULT_API = "127.0.0.1:8090"
MOST_ENVIRONMENTS = 20
RESERVED_NAMES = frozenset({"stable", "candidate", "latest", "all", "none", "shadow", "unknown"})
"""Environment names that already mean something in commands, headers and figures."""

LATER = frozenset(
    {
        *("checks", "quality", "notify", "shadow", "check", "smoke", "cases", "command", "migrations"),
        *("nginx", "haproxy", "kubernetes", "json", "openai-responses", "anthropic", "gemini", "bedrock-converse"),
    }
)
"""Keys and values that a later version will understand."""

_GATEWAY = Gateway()
_FIELDS = Fields()


class StickyDoc(Doc):
    """What keeps a user on one side: a request header, or a cookie."""

    header: StickyHeader | None = None
    cookie: StickyCookie | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.header is None) == (self.cookie is None):
            raise Wrong("needs a header or a cookie, one of both", hint="such as { header: x-user-id }")
        return self

    def model(self) -> Sticky:
        if self.header is not None:
            return Sticky(source="header", name=self.header.lower())
        return Sticky(source="cookie", name=self.cookie or "")


class GatewayDoc(Doc):
    """The stable address. `timeout` is the longest silence; without `sticky` each request is drawn by lot."""

    driver: Literal["envoy"] = "envoy"
    listen: Listen = format_listen(_GATEWAY.host, _GATEWAY.port)
    timeout: PositiveDuration = _GATEWAY.timeout
    sticky: StickyDoc | None = None


class ApiDoc(Doc):
    """Where the controller answers. Off loopback it needs a token."""

    listen: Listen = DEFAULT_API
    token: SecretStr | None = None


class ReleaseDoc(Doc):
    """What an environment holds: the code's version and the AI configuration (provider, model, prompt, …)."""

    version: Word | None = None
    config: dict[str, Word] = Field(default_factory=dict, max_length=100)


class EnvironmentDoc(Doc):
    """`health` and `ready` are paths; without them a TCP connection will do."""

    url: Origin
    health: RequestPath | None = None
    ready: RequestPath | None = None
    release: ReleaseDoc | None = None


class FieldsDoc(Doc):
    """Names of top-level members in the service's own JSON answers; `off` where there is none."""

    output: Word | None = _FIELDS.output
    cost: Word | None = _FIELDS.cost
    quality: Word | None = _FIELDS.quality
    strip: bool = _FIELDS.strip


class TelemetryDoc(Doc):
    format: Literal["auto", "openai-chat", "fields"] = "auto"
    fields: FieldsDoc = FieldsDoc()


def _short(value: Any) -> Any:
    """`blue: http://…` says `blue: { url: http://… }`."""
    return {"url": value} if isinstance(value, str) else value


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise Wrong("is a reserved name", hint="choose another, such as blue or green")
    return name


EnvironmentName = Annotated[Name, AfterValidator(_not_reserved)]
EnvironmentValue = Annotated[EnvironmentDoc, BeforeValidator(_short, json_schema_input_type=EnvironmentDoc | str)]
StrategyValue = Annotated[StrategyDoc, BeforeValidator(named, json_schema_input_type=StrategyDoc | Preset)]


class Document(Doc):
    """One service, the environments that serve it, and how releases pass between them."""

    service: Name
    environments: dict[EnvironmentName, EnvironmentValue]
    gateway: GatewayDoc = GatewayDoc()
    api: ApiDoc = ApiDoc()
    telemetry: TelemetryDoc = TelemetryDoc()
    strategy: StrategyValue = StrategyDoc()
    guardrails: GuardrailsDoc = GuardrailsDoc()
    strata: StrataValue = Field(default_factory=list)

    @model_validator(mode="after")
    def _environments_make_sense(self) -> Self:
        count = len(self.environments)
        if not 2 <= count <= MOST_ENVIRONMENTS:
            some = {0: "no environment", 1: "one environment"}.get(count, f"{count} environments")
            raise Wrong(
                f"holds {some}; a rollout passes from one to another, so 2 to {MOST_ENVIRONMENTS} are needed",
                hint="add one, such as green: { url: http://127.0.0.1:3002 }",
                at=("environments",),
            )
        return self


class GuardrailsFile(Doc):
    """A file that holds guardrails and nothing else, for `verdigris rollout replay`."""

    guardrails: GuardrailsDoc
