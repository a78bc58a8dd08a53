"""The demo: three rollouts on real traffic through the real gateway, shown, summed up and checked."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from verdigris.client import Client
from verdigris.core.model.errors import VerdigrisError
from verdigris.demo.board import Board, Picture
from verdigris.demo.processes import DemoFailed
from verdigris.demo.scenes import SCENES, Ending, Scene
from verdigris.demo.stage import Stage, open_stage
from verdigris.demo.summary import exit_code, summary
from verdigris.demo.traffic import Tally, Traffic

TIME_LIMIT = 56.0
"""Seconds for everything, so that with the cleaning up it stays under a minute."""

WARM_UP = 100
"""Requests to each app and to the gateway before the first rollout."""

SEEN_AFTER = 500
"""Requests looked at after each rollout."""

_LOOK = 0.25
_INTRODUCTION = """\
Verdigris releases a new version of an AI feature step by step and goes back by itself when the answers get worse.

Here it does so on this machine. The AI app and the judge of answers are simulated: no model runs, answers, waits,
costs and scores are drawn by chance as configured. All else is real: the gateway, the HTTP requests, the measuring,
the copies and second answers, and the decisions.

"Stable" is the version that serves now, "candidate" the new one. The candidate gets 10 %, then 25 %, then 50 % of the
users, and all of them only once it is proven no worse than the limits allow."""


@dataclass(kw_only=True, slots=True)
class Show:
    """A run of the demo: what it needs, and what came of it so far."""

    stage: Stage
    traffic: Traffic
    client: Client
    board: Board
    endings: list[Ending] = field(default_factory=list)
    _scene: Scene | None = None
    _picture: Picture | None = None
    _peak: float = 0.0

    async def play(self) -> None:
        """All scenes. Raises: DemoFailed, VerdigrisError."""
        for number, scene in enumerate(SCENES, start=1):
            self.board.say(f"\nRollout {number}, {scene.title}. {scene.change}")
            self._scene, self._picture, self._peak = scene, None, 0.0
            await self.stage.simulate(scene.environment, scene.behaviour)
            if number == 1:
                await self._warm_up()
                self.traffic.start()
            await self.traffic.begin()
            rollout = await asyncio.to_thread(self.client.start_rollout, scene.environment, scene.version)
            await self._watch(scene, rollout.id)
            during = await self.traffic.begin()
            self._end(tally=during, after=await self._look_after())

    async def _look_after(self) -> Tally:
        """Some requests more, to see that nobody meets the side that should no longer serve."""
        while self.traffic.tally.answers < SEEN_AFTER:
            self.stage.require_all_running()
            await asyncio.sleep(_LOOK)
        return await self.traffic.begin()

    async def _warm_up(self) -> None:
        """The first answers of a fresh process are slow, which would say nothing of a release."""
        ports = [*self.stage.apps.values(), self.stage.gateway]
        loads = (Traffic(host="127.0.0.1", port=port, rate=WARM_UP * 2, limit=WARM_UP) for port in ports)
        await asyncio.gather(*(load.run() for load in loads))
        while (await asyncio.to_thread(self.client.status)).telemetry.received < WARM_UP:
            self.stage.require_all_running()
            await asyncio.sleep(_LOOK)

    async def _watch(self, scene: Scene, rollout_id: str) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            self.stage.require_all_running()
            status = await asyncio.to_thread(self.client.status)
            explanation = await asyncio.to_thread(self.client.explain, rollout_id)
            rollout = await asyncio.to_thread(self.client.rollout, rollout_id)
            self._picture = Picture(
                scene=scene,
                seconds=clock() - began,
                rollout=rollout,
                status=status,
                findings=explanation.findings,
                tally=self.traffic.tally,
            )
            self._peak = max(self._peak, rollout.weight.desired)
            self.board.show(self._picture)
            if rollout.phase.is_final:
                return
            await asyncio.sleep(_LOOK)

    def cut_short(self, problem: str) -> None:
        """Records what was reached of the scene under way."""
        self._end(tally=self.traffic.tally, problem=problem)

    def _end(self, *, tally: Tally, after: Tally | None = None, problem: str = "") -> None:
        scene, picture = self._scene, self._picture
        if scene is None:
            return
        self._scene = None
        ending = Ending(
            scene=scene,
            rollout=None if picture is None else picture.rollout,
            findings=() if picture is None else picture.findings,
            tally=tally,
            after=after,
            peak=self._peak,
            problem=problem,
        )
        self.endings.append(ending)


async def demo(*, board: Board, rate: float, keep: bool) -> int:
    """Runs the demo and returns its exit code: 0 only if all rollouts ended as they should."""
    began = asyncio.get_running_loop().time()
    board.say(_INTRODUCTION)
    try:
        async with open_stage() as stage:
            with stage.client() as client:
                traffic = Traffic(host="127.0.0.1", port=stage.gateway, rate=rate)
                show = Show(stage=stage, traffic=traffic, client=client, board=board)
                try:
                    board.say(f"\nServing on {stage.gateway_url}; simulated users send {rate:g} requests a second.")
                    await _play(show, deadline=began + TIME_LIMIT)
                    for line in summary(show.endings, seconds=asyncio.get_running_loop().time() - began):
                        board.say(line)
                    if keep:
                        with suppress(asyncio.CancelledError):  # Ctrl-C ends the serving, not the result
                            await _keep(stage, board)
                finally:
                    await traffic.stop()
                return exit_code(show.endings, expected=len(SCENES))
    except DemoFailed as failure:
        board.say(f"\nThe demo could not be shown: {failure}")
        return 1


async def _play(show: Show, *, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await show.play()
    except TimeoutError:
        show.cut_short(f"not decided within the {TIME_LIMIT:g} s that the demo gives itself")
    except (DemoFailed, VerdigrisError) as error:
        show.cut_short(str(error))


async def _keep(stage: Stage, board: Board) -> None:
    blue, verdigris = stage.apps["blue"], _here(Path(sys.executable).with_name("verdigris"))
    board.say(f"""
Still serving, and still under traffic, until Ctrl-C.

  gateway          {stage.gateway_url}
  API              {stage.api_url}/openapi.json
  configuration    {stage.file}

Things to try in another terminal:

  curl -i {stage.gateway_url}/api/process -d '{{"input": "text"}}'
  export VERDIGRIS_API={stage.api_url}
  {verdigris} rollout list
  {verdigris} rollout explain
  curl http://127.0.0.1:{blue}/simulate -d '{{"behaviour": "stable", "cost_mean": 0.005}}'   # a dearer release in blue
  {verdigris} rollout start --to blue --version v4
  {verdigris} rollout watch""")
    while True:
        stage.require_all_running()
        await asyncio.sleep(1.0)


def _here(path: Path) -> Path:
    """As it would be typed from the present folder, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


async def until_signal(work: Callable[[], Awaitable[int]]) -> int:
    """Runs `work`; SIGINT, SIGTERM and SIGHUP cancel it once, and what it cleans up is waited for."""
    task = asyncio.ensure_future(work())
    loop = asyncio.get_running_loop()
    caught: list[int] = []

    def stop(number: int) -> None:
        if not caught:
            caught.append(number)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    with suppress(asyncio.CancelledError):
        return await task
    return 128 + caught[0] if caught else 1
