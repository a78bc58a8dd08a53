"""verdigris.yaml, or two URLs, to a Service: everything that is wrong is told at once."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from pydantic import SecretStr, ValidationError

from verdigris.core.model.environment import Environment
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.metric import Guardrail
from verdigris.core.model.quality import Quality
from verdigris.core.model.release import Release
from verdigris.core.model.service import Gateway, Service
from verdigris.core.model.split import FULL
from verdigris.core.model.strategy import Strategy, WeightStep
from verdigris.spec.document import Document, EnvironmentDoc, GatewayDoc, GuardrailsFile
from verdigris.spec.problems import problems
from verdigris.spec.sampled import warnings as quality_warnings
from verdigris.spec.scorers import is_inside_option
from verdigris.spec.source import Source, Tree, read
from verdigris.spec.strata import warnings as strata_warnings
from verdigris.spec.units import format_duration, format_listen, parse_listen
from verdigris.spec.wrong import Wrong

DEFAULT_FILE = "verdigris.yaml"
_MOST_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A checked file: the service, where the controller's API listens, its token, and what is odd but allowed.

    `source` knows where in the file everything stood, for errors that are found later.
    """

    service: Service
    api_host: str
    api_port: int
    api_token: SecretStr | None = None
    warnings: tuple[str, ...] = ()
    source: Source = field(default_factory=lambda: Source(file=""), compare=False, repr=False)


def load(path: str | os.PathLike[str], *, environ: Mapping[str, str]) -> Loaded:
    """Reads a file. Raises: ConfigError, whose `errors` are all that is wrong."""
    file = os.fspath(path)
    return loads(_text(file), file=file, environ=environ)


def loads(text: str, *, file: str = "", environ: Mapping[str, str] | None = None) -> Loaded:
    """Reads a text; `file` names it in errors. Raises: ConfigError."""
    return _loaded_from(read(text, file=file, environ=environ or {}))


def load_guardrails(path: str | os.PathLike[str], *, environ: Mapping[str, str]) -> tuple[Guardrail, ...]:
    """The guardrails of a file, which may be a whole one or hold nothing else. Raises: ConfigError."""
    file = os.fspath(path)
    source = read(_text(file), file=file, environ=environ)
    if not isinstance(source.tree, dict) or set(source.tree) - {"guardrails"}:
        return _loaded_from(source).service.guardrails
    try:
        document = GuardrailsFile.model_validate(source.tree)
    except ValidationError as error:
        raise ConfigError.together(problems(source, error)) from None
    errors = problems(source, None)
    if errors:
        raise ConfigError.together(errors)
    return document.guardrails.model()


def from_urls(*, blue: str, green: str, service: str = "default") -> Loaded:
    """The service that two URLs make, with every other default. Raises: ConfigError naming the key."""
    tree: dict[str, Tree] = {"service": service, "environments": {"blue": {"url": blue}, "green": {"url": green}}}
    source = Source(file="", tree=tree)
    source.raw |= {("environments", "blue", "url"): blue, ("environments", "green", "url"): green}
    return _loaded_from(source)


def listening(loaded: Loaded, *, gateway: str | None = None, api: str | None = None) -> Loaded:
    """The same with other addresses to listen on, from flags. Raises: ConfigError."""
    service = loaded.service
    if gateway is not None:
        host, port = _address(gateway, "--listen")
        service = replace(service, gateway=replace(service.gateway, host=host, port=port))
    api_host, api_port = (loaded.api_host, loaded.api_port) if api is None else _address(api, "--api-listen")
    urls = {environment.name: environment.url for environment in service.environments}
    listens = format_listen(service.gateway.host, service.gateway.port), format_listen(api_host, api_port)
    for name, wrong in _collide(*listens, urls):
        what = f"the url of {name}" if name else f"the gateway's address {listens[0]}"
        raise ConfigError(f"{what} {wrong.said}", hint=wrong.hint)
    return replace(loaded, service=service, api_host=api_host, api_port=api_port)


def _address(text: str, flag: str) -> tuple[str, int]:
    try:
        return parse_listen(text)
    except Wrong as wrong:
        raise ConfigError(f'{flag}: "{text}" {wrong.said}', key=flag, hint=wrong.hint) from None


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(_MOST_BYTES)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file", file=file, hint="`verdigris init` writes one to start from"
        ) from None
    except IsADirectoryError:
        raise ConfigError("this is a folder", file=file, hint=f"name the file in it, such as {DEFAULT_FILE}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError("the text is not UTF-8", file=file, line=line, hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", file=file) from None


def _loaded_from(source: Source) -> Loaded:
    source.blanks = [place for place in source.blanks if not is_inside_option(place)]
    try:
        document = Document.model_validate(source.tree)
    except ValidationError as error:
        raise ConfigError.together(problems(source, error)) from None
    errors = problems(source, None) or list(_collisions(source, document))
    if errors:
        raise ConfigError.together(errors)
    return _loaded(source, document)


def _collisions(source: Source, document: Document) -> Iterator[ConfigError]:
    place = ("api", "listen") if ("api", "listen") in source.raw else ("gateway", "listen")
    urls = {name: environment.url for name, environment in document.environments.items()}
    for name, wrong in _collide(document.gateway.listen, document.api.listen, urls):
        yield source.wrong(wrong, at=source.settle(("environments", name, "url")) if name else place)


def _collide(gateway: str, api: str, urls: Mapping[str, str]) -> Iterator[tuple[str, Wrong]]:
    """Addresses that cannot both be meant: the environment's name, empty for the gateway and the API, and why not."""
    if _same_address(gateway, api):
        said = f"would have the gateway and the API (api.listen, {api}) share one port"
        yield "", Wrong(said, hint="give one of them another")
    for name, url in urls.items():
        if _same_address(url.split("//")[1], gateway):
            said = f"is the gateway's own address ({gateway}): requests would go round for ever"
            yield name, Wrong(said, hint="give the app's own port")


def _same_address(one: str, other: str) -> bool:
    (host, port), (other_host, other_port) = parse_listen(one), parse_listen(other)
    if port != other_port or port == 0:
        return False
    return host == other_host or (_is_local(host) and _is_local(other_host))


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _loaded(source: Source, document: Document) -> Loaded:
    host, port = parse_listen(document.api.listen)
    environments = tuple(_environment(name, written) for name, written in document.environments.items())
    return Loaded(
        service=Service(
            name=document.service,
            environments=environments,
            gateway=_gateway(document.gateway),
            telemetry=document.telemetry.made(),
            strategy=document.strategy.model(),
            guardrails=_guardrails(document),
            quality=_quality(source, document),
            strata=tuple(entry.model() for entry in document.strata),
        ),
        api_host=host,
        api_port=port,
        api_token=document.api.token,
        warnings=tuple(_warnings(source, document, environments)),
        source=source,
    )


def _quality(source: Source, document: Document) -> Quality | None:
    """Files of cases, and those that scorers name, are looked for from the file's own folder on."""
    if document.quality is None:
        return None
    made = document.quality.model(source.plain, min_score=document.min_score)
    folder = Path(source.file).parent
    here = "" if folder == Path() else str(folder)
    made = replace(made, scorers=tuple(replace(use, folder=here) for use in made.scorers))
    if made.cases is None:
        return made
    files = tuple(str(_beside(folder, file)) for file in made.cases.files)
    return replace(made, cases=replace(made.cases, files=files))


def _beside(folder: Path, file: str) -> Path:
    try:
        return folder / Path(file).expanduser()
    except RuntimeError:  # the home of nobody who is known
        return folder / file


def _guardrails(document: Document) -> tuple[Guardrail, ...]:
    return document.guardrails.model(sampled=document.quality is not None)


def _environment(name: str, written: EnvironmentDoc) -> Environment:
    release = written.release
    if release is not None:
        made = Release.of(version=release.version or "undeclared", config=release.config)
    else:
        made = Release.of(version="undeclared", config={"environment": name, "url": written.url})
    return Environment(name=name, url=written.url, health=written.health, ready=written.ready, release=made)


def _gateway(written: GatewayDoc) -> Gateway:
    host, port = parse_listen(written.listen)
    sticky = written.sticky.model() if written.sticky else None
    return Gateway(driver=written.driver, host=host, port=port, timeout=written.timeout, sticky=sticky)


def _warnings(source: Source, document: Document, environments: tuple[Environment, ...]) -> Iterator[str]:
    for one, other in combinations(environments, 2):
        if one.url == other.url:
            yield f"{one.name} and {other.name} have the same url: a rollout would compare a release with itself"
        elif one.release == other.release:
            yield f"{one.name} and {other.name} hold the same release: a rollout would change nothing"
    metrics = {guardrail.metric for guardrail in _guardrails(document)}
    if not metrics:
        yield "every guardrail is off: no rollout can be proven harmless, so each needs an approval to reach 100%"
    yield from strata_warnings(tuple(entry.model() for entry in document.strata))
    if document.quality is not None:
        yield from quality_warnings(document.quality, lambda at: source.raw.get(source.settle(at), ""))
    yield from _near_horizon(document.strategy.model())
    yield from _short_holds(document.strategy.model(), document.gateway.timeout)
    raw = source.raw.get(("api", "token"), "")
    if raw and "${" not in raw:
        yield "api.token stands in the file itself: write ${VERDIGRIS_TOKEN} and set that variable instead"


def _near_horizon(strategy: Strategy) -> Iterator[str]:
    """Samples are asked of both sides, so a step needs at least those of the smaller one, divided by its share."""
    steps = [step for step in strategy.steps if isinstance(step, WeightStep) and step.weight < FULL]
    needed = sum(step.min_samples / min(step.weight, FULL - step.weight) * FULL for step in steps)
    if strategy.horizon is not None and strategy.horizon < needed:
        yield (
            f"strategy.horizon ({strategy.horizon:,} requests) comes before the steps have their min_samples (about "
            f"{needed:,.0f} requests): where proof is asked, a step would be given up before it is sampled"
        )


def _short_holds(strategy: Strategy, timeout: float) -> Iterator[str]:
    """A request speaks for the candidate only when all that began with it have ended, so a PASS comes no sooner."""
    holds = [step.hold for step in strategy.steps if isinstance(step, WeightStep) and step.weight < FULL]
    if holds and sum(holds) < timeout:
        total, silence = format_duration(sum(holds)), format_duration(timeout)
        yield (
            f"the holds before 100% add up to {total}, less than gateway.timeout ({silence}): a request speaks for the "
            f"candidate only that long after it began, so a PASS takes {silence} or more; if no answer is silent for "
            f"that long, lower gateway.timeout"
        )
    if strategy.time_limit <= timeout:
        limit, silence = format_duration(strategy.time_limit), format_duration(timeout)
        yield (
            f"strategy.time_limit ({limit}) ends before gateway.timeout ({silence}): a PASS takes at least that long, so "
            f"no rollout can be proven in time"
        )
