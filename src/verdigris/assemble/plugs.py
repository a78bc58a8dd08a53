"""One controller with the plugs that its configuration names. Nothing is started here."""

from __future__ import annotations

from pathlib import Path

from verdigris.adapters.checks.reachable import Reachable
from verdigris.adapters.notifiers.log import LogNotifier
from verdigris.adapters.sources.access_log.source import AccessLogSource
from verdigris.adapters.stores.sqlite import SqliteStore
from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, Forward, socket_path
from verdigris.assemble.cases import cases_of, trials_of
from verdigris.assemble.quality import quality_of, sampler_of, till_of
from verdigris.assemble.telemetry import prices_of, telemetry_of
from verdigris.controller.service import Controller
from verdigris.core.model.errors import StoreUnreadable
from verdigris.core.model.service import Service
from verdigris.settings import Settings

SMALL_ROUTES = "/deploy/"
"""What a single port serves beside the app's traffic."""


def folder_of(service: Service, settings: Settings) -> Path:
    """Where everything lies that services in one state folder do not share."""
    return settings.state / service.name


def build(service: Service, settings: Settings, *, api_address: str) -> Controller:
    """Envoy, its access log, SQLite and the log. `api_address` is `host:port` on this machine.

    Services that share a state folder share its store; each has its own Envoy, in a folder of the service's name.
    Raises: StoreUnreadable when the state folder cannot be used; ConfigError when the environment asks for what is not possible.
    """
    folder = folder_of(service, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnreadable(
            f"the state folder {settings.state} cannot be used: {error.strerror}",
            hint="name another one with --state or VERDIGRIS_STATE",
        ) from error
    collector = socket_path(folder, "access-log.sock")
    driver = EnvoyDriver(
        options=EnvoyOptions(
            service=service.name,
            environments=service.environments,
            state=folder,
            host=service.gateway.host,
            port=service.gateway.port,
            timeout=service.gateway.timeout,
            sticky=service.gateway.sticky,
            telemetry=service.telemetry,
            strata=service.strata,
            collector=collector,
            sampler=sampler_of(service, folder),
            uncopied=service.quality.sampling.off if service.quality is not None else (),
            mirrors=service.quality is not None and service.quality.mirror is not None,
            forwards=(Forward(prefix=SMALL_ROUTES, address=api_address),) if settings.single_port else (),
        )
    )
    source = AccessLogSource(
        address=collector,
        environments=tuple(environment.name for environment in service.environments),
        service=service.name,
        strata=service.strata,
        counts=driver.log_counts,
    )
    prices = prices_of(service)
    cases, till = cases_of(service, prices), till_of(service, folder)
    return Controller(
        service,
        store=SqliteStore(path=settings.state / "verdigris.db"),
        driver=driver,
        source=source,
        reachable=Reachable(),
        notifiers=(LogNotifier(),),
        telemetry=telemetry_of(prices),
        quality=quality_of(
            service,
            cases,
            folder=folder,
            state=settings.state,
            prices=prices,
            till=till,
            refused=driver.copies_refused,
        ),
        trials=trials_of(service, cases, folder=folder, till=till, prices=prices),
    )
