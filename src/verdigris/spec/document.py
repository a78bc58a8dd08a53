"""The shape of verdigris.yaml, version 1: what may stand where, and what is taken where nothing stands."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from verdigris.core.model.service import Gateway
from verdigris.core.model.split import Sticky
from verdigris.spec.checks import ChecksValue
from verdigris.spec.guardrails import GuardrailsDoc, RateDoc
from verdigris.spec.sampled import QualityDocument
from verdigris.spec.strata import StrataValue
from verdigris.spec.strategy import Preset, StrategyDoc, named
from verdigris.spec.telemetry import TelemetryDoc
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
        *("notify", "shadow", "check", "ready", "smoke", "command", "migrations"),
        *("nginx", "haproxy", "kubernetes", "json"),
    }
)
"""Keys and values that a later version will understand."""

_GATEWAY = Gateway()


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
    quality: QualityDocument | None = None
    checks: ChecksValue = Field(default_factory=list)
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

    @model_validator(mode="after")
    def _quality_has_what_it_needs(self) -> Self:
        if self.checks and (self.quality is None or self.quality.cases is None):
            raise Wrong(
                "have no cases to run", hint="name their files: quality: { cases: cases/*.yaml }", at=("checks",)
            )
        if self.quality is None and isinstance(self.guardrails.defect_rate, RateDoc):
            raise Wrong(
                "needs samples, and without quality none are taken, so no rollout could ever pass",
                hint="add quality: { scorers: [heuristics] }, or take it out",
                at=("guardrails", "defect_rate"),
            )
        return self

    @property
    def min_score(self) -> float | None:
        """What the check of cases asks, where there is one."""
        return self.checks[0].cases.min_score if self.checks else None


class GuardrailsFile(Doc):
    """A file that holds guardrails and nothing else, for `verdigris rollout replay`."""

    guardrails: GuardrailsDoc
