"""A service in words: what `check` prints, so that a reader sees what each default and unit means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from verdigris.core.model.environment import Environment
from verdigris.core.model.metric import Guardrail, Margin, Metric
from verdigris.core.model.reading import Format
from verdigris.core.model.service import Service, Telemetry
from verdigris.core.model.strata import MOST_STRATA, OTHER, StrataBy
from verdigris.core.model.strategy import (
    Advance,
    ApproveStep,
    Otherwise,
    PauseStep,
    Policy,
    Step,
    Strategy,
    WeightStep,
    scaled_multiple,
)
from verdigris.spec.load import Loaded
from verdigris.spec.sampled_words import quality_words
from verdigris.spec.units import format_duration, format_listen, format_percent

Section = tuple[str, list[str]]
"""A title and its lines."""


def describe(loaded: Loaded) -> list[Section]:
    """What was understood, a few lines a section."""
    service = loaded.service
    return [
        ("service", [service.name]),
        ("gateway", [_gateway(service)]),
        ("api", [f"http://{format_listen(loaded.api_host, loaded.api_port)}"]),
        ("environments", [_environment(each, first=not index) for index, each in enumerate(service.environments)]),
        ("answers", [_telemetry(service.telemetry)]),
        *([("quality", list(quality_words(service.quality)))] if service.quality else []),
        ("steps", [f"{number}. {text}" for number, text in enumerate(_steps(service.strategy), 1)]),
        ("then", _after(service.strategy)),
        ("guardrails", [guardrail_words(each) for each in service.guardrails] or ["none"]),
        *([("kinds", [_strata(by) for by in service.strata])] if service.strata else []),
    ]


def _strata(by: StrataBy) -> str:
    """Where a request's kind is read, and which kinds there are."""
    read = {"header": f"by header {by.name}", "field": f"by the answer's {by.name}", "route": "by path"}[by.source]
    kinds = ", ".join(by.values) or f"the first {MOST_STRATA - 1} seen"
    return f"{read}: {kinds}; everything else together as {OTHER}"


def _gateway(service: Service) -> str:
    gateway = service.gateway
    sticky = gateway.sticky
    who = f"users are kept on one side by {sticky.source} {sticky.name}" if sticky else "each request is drawn by lot"
    address = format_listen(gateway.host, gateway.port)
    return f"http://{address} ({gateway.driver}), {who}, {format_duration(gateway.timeout)} of silence at most"


def _environment(environment: Environment, *, first: bool) -> str:
    asked = [f"{name} {path}" for name, path in (("health", environment.health), ("ready", environment.ready)) if path]
    role = "; stable until a rollout says otherwise" if first else ""
    version = "" if environment.release.version == "undeclared" else f", version {environment.release.version}"
    return f"{environment.name}: {environment.url}{version}, asked by {' and '.join(asked) or 'TCP connection'}{role}"


def _telemetry(telemetry: Telemetry) -> str:
    fields = telemetry.fields
    named = ((fields.output, "output"), (fields.cost, "cost"), (fields.quality, "quality"))
    own = ", ".join(f"{what} from {name}" for name, what in named if name)
    match telemetry.format:
        case "auto":
            text = f"any known format, and own JSON fields: {own}"
        case Format.FIELDS:
            text = f"own JSON fields: {own}"
        case known:
            text = f"{_FORMATS[known]}, and own JSON fields: {own}"
    if telemetry.model:
        text += f"; priced as {telemetry.model} where no model is named"
    if telemetry.prices:
        text += f"; own prices for {', '.join(price.model for price in telemetry.prices)}"
    return f"{text}; cost and quality are taken out before the client sees them" if fields.strip else text


_FORMATS = {
    Format.OPENAI_CHAT: "OpenAI Chat",
    Format.OPENAI_RESPONSES: "OpenAI Responses",
    Format.ANTHROPIC: "Anthropic Messages",
    Format.GEMINI: "Gemini",
    Format.BEDROCK_CONVERSE: "Bedrock Converse",
}


def _steps(strategy: Strategy) -> Iterator[str]:
    leaving = 0.0
    for step in strategy.steps:
        yield step_words(step, leaving=leaving)
        leaving = step.weight if isinstance(step, WeightStep) else leaving


def step_words(step: Step, *, leaving: float) -> str:
    """One step as a sentence without a full stop; `leaving` is the weight before it, in percent."""
    match step:
        case WeightStep():
            return _weight(step, leaving)
        case PauseStep(duration=duration):
            return "wait until somebody resumes" if duration is None else f"wait for {format_duration(duration)}"
        case ApproveStep():
            return "wait for an approval" + _timeout(step.timeout, step.otherwise)
        case _:
            assert_never(step)


def _weight(step: WeightStep, leaving: float) -> str:
    parts = [f"{format_percent(step.weight)} of the traffic"]
    if step.advance is Advance.PROVEN:
        parts.append("once proven harmless or approved")
    elif step.advance is Advance.SCALED and leaving > 0:
        multiple = scaled_multiple(leaving)
        times = "" if multiple == 1 else f"{multiple:g}x "
        parts.append(f"once proven no worse than {times}the margins, or approved")
    asked = [f"for {format_duration(step.hold)}"] if step.hold else []
    asked += [f"until both sides answered {step.min_samples:,} requests"] if step.min_samples else []
    parts.append(" and ".join(asked))
    return ", ".join(part for part in parts if part) + _timeout(step.timeout, step.otherwise)


def _timeout(timeout: float | None, otherwise: Otherwise | Policy) -> str:
    return "" if timeout is None else f"; undecided after {format_duration(timeout)}: {_otherwise(otherwise)}"


def _otherwise(otherwise: Otherwise | Policy) -> str:
    """`hold`, or `hold when undecided, rollback when without data, …`."""
    if isinstance(otherwise, Otherwise):
        return otherwise
    if otherwise.single is not None:
        return otherwise.single
    named = (
        ("undecided", otherwise.waiting),
        ("inconclusive", otherwise.inconclusive),
        ("without data", otherwise.no_data),
        ("not split as configured", otherwise.invalid),
    )
    return ", ".join(f"{word} when {outcome}" for outcome, word in named)


def _after(strategy: Strategy) -> list[str]:
    horizon = strategy.horizon
    inconclusive = (
        [] if horizon is None else [f"not decided after {horizon:,} requests: {strategy.otherwise.inconclusive}"]
    )
    return [
        f"watch for {format_duration(strategy.bake)} after the switch, still going back by itself",
        f"keep the previous side for {format_duration(strategy.keep_previous)}",
        f"not decided after {format_duration(strategy.time_limit)} in all: {_otherwise(strategy.otherwise)}",
        *inconclusive,
    ]


def guardrail_words(guardrail: Guardrail) -> str:
    """A guardrail's zone and limit as a sentence without a full stop."""
    metric = guardrail.metric
    worse = "below" if metric.higher_is_better else "above"
    text = f"{metric.value}: less than {_amount(guardrail.margin, metric)} {worse} stable's"
    if guardrail.tolerance != Margin():
        text += f", of which {_amount(guardrail.tolerance, metric)} is accepted without proof of harm"
    if guardrail.adjust is not None:
        text += f", compared after what {guardrail.adjust.replace('_', ' ')} foretell is taken out"
    if guardrail.limit is not None:
        bound = "at least" if metric.higher_is_better else "at most"
        text += f"; {bound} {_value(guardrail.limit, metric)} in any case"
    return text if guardrail.required else f"{text} (judged once it is reported)"


def _amount(margin: Margin, metric: Metric) -> str:
    parts = [format_percent(margin.relative * 100)] if margin.relative else []
    if margin.absolute and metric.is_rate:
        points = f"{margin.absolute * 100:.4g}"
        parts.append(f"{points} percentage {'point' if points == '1' else 'points'}")
    elif margin.absolute:
        parts.append(_value(margin.absolute, metric))
    return " and ".join(parts) or "nothing"


def _value(value: float, metric: Metric) -> str:
    match metric.unit:
        case "share":
            return format_percent(value * 100)
        case "s":
            return format_duration(value)
        case "USD":
            return f"{value:.4g} USD"
        case _:
            return f"{value:.4g}"
