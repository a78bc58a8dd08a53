"""What the demo runs: two simulated apps, a simulated judge, and `verdigris up` as anybody would start it, on free ports."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from verdigris.adapters.traffic.envoy.process import adopt
from verdigris.client import Client, Unreachable
from verdigris.demo.http1 import connect, request_bytes
from verdigris.demo.processes import DemoFailed, Program, free_ports, launch, said, stop

READY_WITHIN = 20.0
_LOOK = 0.1
_GRACE = 6.0
_JUDGE_KEY = "DEMO_JUDGE_KEY"
_OWN_SETTINGS = ("VERDIGRIS_", "BLUE_URL", "GREEN_URL", "ADMIN_TOKEN", "CONTROLLER_PORT")

CONFIGURATION = """\
# Written by the demo. The guardrails are the defaults; only the waits are shorter than anybody's should be.
service: summarizer
gateway:
  listen: 127.0.0.1:{gateway}
  sticky: {{ header: x-user-id }}    # a user stays with one version
  timeout: 2s                        # and so long after it began, a request speaks for a version
api:
  listen: 127.0.0.1:{api}
environments:
  blue:  {{ url: "http://127.0.0.1:{blue}",  health: /health, ready: /ready, release: {{ version: v1 }} }}
  green: {{ url: "http://127.0.0.1:{green}", health: /health, ready: /ready }}
quality:
  samples_per_minute: 1800           # of each version: the free checks read them
  scorers:
    - heuristics
    - {{ use: judge, model: gpt-4o-mini, url: "{judge}/v1", api_key_env: {key}, gate: true, concurrency: 8, budget: 5 USD/day }}
  shadow: {{ rate: 10%, budget: 20 USD/day, concurrency: 8, paths: [/api/process, /v1/chat/completions] }}
strategy:
  steps:
    - {{ weight: 10%, hold: 3s, min_samples: 50 }}
    - {{ weight: 25%, hold: 3s, min_samples: 100 }}
    - {{ weight: 50%, hold: 3s, min_samples: 250 }}
    - {{ weight: 100% }}
  bake: 2s
  time_limit: 5m
"""


@dataclass(kw_only=True, slots=True)
class Stage:
    """The running demo. `apps` are the ports of the simulated apps by environment."""

    folder: Path
    apps: dict[str, int]
    gateway: int
    api: int
    programs: list[Program] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "verdigris.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api}"

    def client(self) -> Client:
        return Client(self.api_url, timeout=10.0, actor="demo")

    async def simulate(self, environment: str, behaviour: str) -> None:
        """Puts another simulated release into `environment`, as a deployment would. Raises: DemoFailed."""
        body = json.dumps({"behaviour": behaviour}).encode()
        connection = await connect("127.0.0.1", self.apps[environment])
        reply = await connection.send(request_bytes("POST", "/simulate", host="demo", headers={}, body=body))
        connection.close()
        if reply.status != 200:
            raise DemoFailed(f"the simulated app refused the behaviour {behaviour!r}: {reply.body.decode()}")

    def require_all_running(self) -> None:
        """Raises: DemoFailed."""
        for program in self.programs:
            if not program.running:
                raise DemoFailed(f"{program.name} ended in mid-show. Its last words:\n{program.last_words()}")


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Everything running and ready; on leaving, by whatever way, everything ended and its folder gone.

    Raises: DemoFailed.
    """
    with tempfile.TemporaryDirectory(prefix="verdigris-demo-", ignore_cleanup_errors=True) as name:
        gateway, api = free_ports(2)
        stage = Stage(folder=Path(name), apps={}, gateway=gateway, api=api)
        try:
            await _start(stage)
            yield stage
        finally:
            await asyncio.shield(_end(stage))


async def _start(stage: Stage) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_OWN_SETTINGS)}
    for seed, (slot, behaviour) in enumerate((("blue", "stable"), ("green", "harmless")), start=1):
        module = [sys.executable, "-m", "verdigris.demo.app", "--port", "0"]
        command = [*module, "--behaviour", behaviour, "--seed", str(seed)]
        stage.programs.append(await launch(f"app-{slot}", command, folder=stage.folder, environment=environment))
    for program in tuple(stage.programs):
        port = (await said(program, r"simulated app on http://127\.0\.0\.1:(\d+)", deadline=READY_WITHIN))[1]
        stage.apps[program.name.removeprefix("app-")] = int(port)
    judge = [sys.executable, "-m", "verdigris.demo.judge", "--port", "0"]
    stage.programs.append(await launch("judge", judge, folder=stage.folder, environment=environment))
    found = await said(stage.programs[-1], r"simulated judge on (http://127\.0\.0\.1:\d+)", deadline=READY_WITHIN)
    environment[_JUDGE_KEY] = "simulated"
    names = {"judge": found[1], "key": _JUDGE_KEY}
    text = CONFIGURATION.format(gateway=stage.gateway, api=stage.api, **names, **stage.apps)
    stage.file.write_text(text)
    command = [sys.executable, "-m", "verdigris", "up", "-f", str(stage.file), "--state", str(stage.state)]
    stage.programs.append(await launch("verdigris-up", command, folder=stage.folder, environment=environment))
    await _until_ready(stage)


async def _until_ready(stage: Stage) -> None:
    clock = asyncio.get_running_loop().time
    until, why = clock() + READY_WITHIN, "it did not answer"
    with stage.client() as client:
        while clock() < until:
            stage.require_all_running()
            try:
                status = await asyncio.to_thread(client.status)
            except Unreachable:
                await asyncio.sleep(_LOOK)
                continue
            if status.ready:
                return
            why = "; ".join(status.problems) or "it does not say why"
            await asyncio.sleep(_LOOK)
    words = stage.programs[-1].last_words()
    raise DemoFailed(f"`verdigris up` was not ready in {READY_WITHIN:g} s: {why}. Its last words:\n{words}")


async def _end(stage: Stage) -> None:
    """The gateway first, so that no request meets an app that is gone.

    Envoy outlives a controller that was killed, as it should anywhere else; here it is looked for and ended.
    """
    for program in reversed(stage.programs):
        await stop(program, grace=_GRACE)
        for record in stage.state.rglob("*.run"):
            if (left := await adopt(record)) is not None:
                await left.end()
