"""A data plane in memory: for tests, and for trying a strategy without traffic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from verdigris.core.model.errors import NotApplied, TrafficError, UnknownEnvironment
from verdigris.core.model.split import Split
from verdigris.core.model.taps import Taps
from verdigris.ports import Capabilities, Live, ObservedSplit


@dataclass(slots=True)
class Plane:
    """What goes on behind a MemoryDriver. It outlives the driver, as a real data plane outlives its controller.

    `refuse` makes `apply` and `tap` fail with this reason; `live` is what `observe` will report; `applied` keeps every split that
    came into force, `tapped` all taps.
    """

    split: Split | None = None
    running: bool = False
    restarts: int = 0
    refuse: str = ""
    live: dict[str, Live] = field(default_factory=dict)
    applied: list[Split] = field(default_factory=list)
    taps: Taps = field(default_factory=Taps)
    tapped: list[Taps] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryDriver:
    """Keeps a split for the named environments in `plane`."""

    environments: tuple[str, ...]
    plane: Plane = field(default_factory=Plane)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(sticky=True, samples=True, mirrors=True)

    async def open(self, initial: Split) -> None:
        """Adopts a plane that runs with a split, else starts it with `initial`. Raises: UnknownEnvironment."""
        self._known(initial.weights)
        self.plane.running = True
        self.plane.taps = Taps()
        if self.plane.split is None:
            self._set(initial)

    async def apply(self, split: Split) -> None:
        """Raises: UnknownEnvironment, NotApplied when told to refuse, TrafficError when not running."""
        self._known(split.weights)
        self._able()
        self._set(split)

    async def tap(self, taps: Taps) -> None:
        """Raises: UnknownEnvironment, NotApplied when told to refuse, TrafficError when not running."""
        self._known(taps.environments)
        self._able()
        self.plane.taps = taps
        self.plane.tapped.append(taps)

    async def observe(self) -> ObservedSplit:
        plane = self.plane
        if not plane.running:
            return ObservedSplit(split=None, running=False, restarts=plane.restarts)
        live = {name: plane.live.get(name, Live(requests=0, connections=0)) for name in self.environments}
        return ObservedSplit(split=plane.split, live=live, restarts=plane.restarts, taps=plane.taps)

    async def close(self, *, drain: float) -> None:  # noqa: ARG002 -- nothing is ever under way in memory
        self.plane.running = False

    def _set(self, split: Split) -> None:
        self.plane.split = split
        self.plane.applied.append(split)

    def _able(self) -> None:
        if not self.plane.running:
            raise TrafficError("the data plane is not running")
        if self.plane.refuse:
            raise NotApplied(self.plane.refuse)

    def _known(self, environments: Iterable[str]) -> None:
        for environment in environments:
            if environment not in self.environments:
                names = ", ".join(self.environments)
                raise UnknownEnvironment(f"no environment {environment!r}", hint=f"there are: {names}")
