"""The end of the work on samples: whatever cannot be closed, the rest is, and the controller goes on to give up its lease."""

import asyncio

import pytest

from support.quality import FakeJudging, FakePrices, FakeResender, FakeScoring
from verdigris.adapters.samples.archive import MemoryArchive
from verdigris.adapters.samples.till import MemoryTill
from verdigris.controller.quality import face
from verdigris.controller.quality.face import QualityPlugs, QualityWork
from verdigris.core.model.errors import StoreError
from verdigris.core.model.quality import Quality
from verdigris.testing.builders import a_rollout, a_service


class Nowhere:
    """Copies that nobody sends."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Till(MemoryTill):
    closed = 0

    async def close(self) -> None:
        Till.closed += 1


class Fails:
    async def close(self) -> None:
        raise StoreError("a secret")


class Hangs:
    async def close(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("close", [Fails.close, Hangs.close])
@pytest.mark.parametrize("part", ["resender", "scoring"])
def test_what_cannot_be_closed_holds_up_nothing(monkeypatch, caplog, part, close):
    monkeypatch.setattr(face, "CLOSING", 0.02)
    monkeypatch.setattr(Till, "closed", 0)
    parts = {"resender": FakeResender(), "scoring": FakeScoring()}
    monkeypatch.setattr(type(parts[part]), "close", close)
    plugs = QualityPlugs(source=Nowhere(), archive=MemoryArchive(), till=Till(), prices=FakePrices(), **parts)
    quality = Quality()
    work = QualityWork(a_service(quality=quality), quality, plugs, judging=FakeJudging(), rollout=a_rollout)
    asyncio.run(work.close())
    assert Till.closed == 1
    assert f"{type(parts[part]).__name__} was not closed in order" in caplog.text
    assert "secret" not in caplog.text
