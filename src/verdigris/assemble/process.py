"""The life of one `verdigris up`: open, say where, serve until told to end, drain."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, Self

import uvloop

from verdigris.api.loopback import require_safe_listen
from verdigris.assemble.listener import address_of, keep_port, listen, listen_privately
from verdigris.assemble.plugs import build, folder_of
from verdigris.controller.service import Controller
from verdigris.core.model.service import Service
from verdigris.settings import Settings

if TYPE_CHECKING:
    from verdigris.assemble.web import ApiServer

DRAIN_FACTOR = 3
"""The drain budget is this many times the gateway's timeout."""

_log = logging.getLogger(__name__)


def up(service: Service, settings: Settings) -> int:
    """Serves until Ctrl-C or SIGTERM, then drains; a second one ends it at once. Returns the exit code.

    SIGHUP ends the controller alone: the data plane goes on, and the next `up` adopts it.

    Raises: ConfigError, PortTaken, LeaseHeld, StoreError, TrafficError.
    """
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr
    )
    for talkative in ("httpx2", "httpcore2", "uvicorn"):
        logging.getLogger(talkative).setLevel(max(logging.WARNING, logging.root.level))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_up(service, settings))


async def _up(service: Service, settings: Settings) -> int:
    require_safe_listen(settings.api_host, settings.token)
    record = folder_of(service, settings) / "api.port"
    # With a single port the API's own is private: the gateway passes /deploy on to it.
    private = settings.single_port
    listener = listen_privately(record) if private else listen(settings.api_host, settings.api_port)
    controller = build(service, settings, api_address=address_of(listener))
    with Ending() as ending:
        loading = asyncio.create_task(asyncio.to_thread(_api_server, controller, service, settings))
        try:
            await controller.open()
        except BaseException:
            await controller.leave()
            raise
        if private:
            keep_port(listener, record)
        api = await loading
        deciding = asyncio.create_task(controller.run())
        serving = asyncio.create_task(api.serve(sockets=[listener]))
        print(_welcome(service, settings, address_of(listener)), flush=True)  # noqa: T201 -- the command's own output
        asked = asyncio.create_task(ending.asked.wait())
        await asyncio.wait({asked, deciding, serving}, return_when=asyncio.FIRST_COMPLETED)
        if ending.staying:
            _log.info("the controller ends; the data plane goes on with the split in force, for the next one to adopt")
        elif ending.asked.is_set():
            await _drain(controller, ending, DRAIN_FACTOR * service.gateway.timeout)
        else:
            _log.error("a part of the controller ended; traffic goes on with the split in force")
        api.should_exit = True
        try:
            await _end([asked, deciding, serving])
        finally:
            await controller.leave()
        _log.info("ended")
        return 0


def _api_server(controller: Controller, service: Service, settings: Settings) -> ApiServer:
    """Loading the web framework takes about as long as starting Envoy, so it is done meanwhile."""
    from verdigris.assemble.web import api_server  # noqa: PLC0415

    return api_server(controller, token=settings.token, gateway_url=_gateway_url(service))


async def _drain(controller: Controller, ending: Ending, budget: float) -> None:
    """Lets what is under way finish, unless a second signal says there is no time for that."""
    live = await controller.live_requests()
    _log.info("draining %d live requests for up to %.0f s; another Ctrl-C ends at once", live, budget)
    draining = asyncio.create_task(controller.drain(budget))
    hurry = asyncio.create_task(ending.hurried.wait())
    await asyncio.wait({draining, hurry}, return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if draining.done():
        draining.result()
        return
    draining.cancel()
    await asyncio.wait({draining})
    await controller.drain(0.0)


async def _end(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Ends them. Raises what one of them ended with."""
    for task in tasks:
        if not task.done():
            task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseExceptionGroup):
            raise result.exceptions[0]
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


class Ending:
    """What signals mean while it is entered: the first SIGINT or SIGTERM asks to end, the second to hurry.

    SIGHUP asks to end, with the data plane `staying`.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        self.staying = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, self._heard)
        loop.add_signal_handler(signal.SIGHUP, self._leave)
        return self

    def __exit__(self, *_: object) -> None:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(sign)

    def _leave(self) -> None:
        self.staying = not self.asked.is_set()
        self.asked.set()

    def _heard(self) -> None:
        (self.hurried if self.asked.is_set() else self.asked).set()


def _gateway_url(service: Service) -> str:
    return f"http://{service.gateway.host}:{service.gateway.port}"


def _welcome(service: Service, settings: Settings, api: str) -> str:
    guard = "token required" if settings.token else "no token, this machine only"
    if settings.single_port and not settings.token:
        guard = "refused to everybody until ADMIN_TOKEN is set"
    where, how = f"http://{api}", "verdigris rollout start"
    if settings.single_port:
        where = f"{_gateway_url(service)}/deploy/…"
        how = f"curl -X POST -H 'X-Admin-Token: …' {_gateway_url(service)}/deploy/start"
    names = ", ".join(environment.name for environment in service.environments)
    return "\n".join(
        (
            f"Verdigris {version('verdigris')} serves {service.name} ({names})",
            f"  gateway  {_gateway_url(service)}",
            f"  API      {where}  ({guard})",
            f"  state    {settings.state}",
            f"Start a rollout with: {how}",
        )
    )
