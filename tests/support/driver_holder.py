"""A controller's side of a gateway as a process of its own, to be killed: `python -m support.driver_holder FOLDER PORT URL`."""

import asyncio
import sys
from pathlib import Path

from verdigris.adapters.traffic.envoy.driver import EnvoyDriver
from verdigris.adapters.traffic.envoy.options import EnvoyOptions
from verdigris.core.model.split import Share, Split
from verdigris.testing import builders as build


def driver(folder: Path, port: int, url: str, **changes: object) -> EnvoyDriver:
    environments = tuple(build.an_environment(name, url=url) for name in ("blue", "green"))
    told = {"service": "s", "environments": environments, "state": folder, "port": port, "concurrency": 1, **changes}
    return EnvoyDriver(options=EnvoyOptions(**told))


def split(green: float) -> Split:
    shares = (
        Share(environment="green", release="r-green", weight=green),
        Share(environment="blue", release="r-blue", weight=round(100 - green, 2)),
    )
    return Split(shares=shares, salt="salt")


async def hold(folder: Path, port: int, url: str) -> None:
    held = driver(folder, port, url)
    await held.open(split(0.0))
    await held.apply(split(100.0))
    print("open", flush=True)  # noqa: T201 -- the test waits for this word
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
