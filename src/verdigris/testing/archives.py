# ruff: noqa: S101 -- a contract suite asserts
"""The contract of the Archive socket. Needs pytest.

Inherit ArchiveContract in a test class whose name begins with `Test` and say how an archive is made:

    class TestMyArchive(ArchiveContract):
        @pytest.fixture(autouse=True)
        def _place(self, tmp_path):
            self.path = tmp_path / "samples"

        def an_archive(self, retention):
            return MyArchive(path=self.path, retention=retention)

Call `pytest.register_assert_rewrite("verdigris.testing.archives")` before importing it to see the values in a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from verdigris.core.model.compared import PairKind
from verdigris.core.model.errors import NotFound
from verdigris.core.model.quality import Retention
from verdigris.core.model.score import Score, ScoreFailure, Trouble
from verdigris.ports import Archive
from verdigris.testing.builders import START
from verdigris.testing.samples import a_compared_pair, a_sample

C = TypeVar("C", bound="ArchiveContract")
DAY = 86_400.0


def with_archive(test: Callable[[C, Archive], Awaitable[None]]) -> Callable[[C], None]:
    """Gives the test an open, empty archive that keeps a day and a megabyte, and closes it afterwards."""

    async def story(self: C) -> None:
        archive = self.an_archive(Retention(seconds=DAY, size=1 << 20))
        await archive.open()
        try:
            await test(self, archive)
        finally:
            await archive.close()

    def run(self: C) -> None:
        asyncio.run(story(self))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class ArchiveContract:
    """What every archive promises. Each test begins with an empty one."""

    def an_archive(self, retention: Retention) -> Archive:
        """A new, not yet opened one."""
        raise NotImplementedError

    @with_archive
    async def test_an_empty_archive_knows_nothing(self, archive: Archive) -> None:
        assert await archive.samples() == ()
        assert await archive.pairs("r1") == ()
        with pytest.raises(NotFound, match="p1"):
            await archive.pair("p1")
        assert await archive.forget(at=START) == 0

    @with_archive
    async def test_what_was_kept_comes_back_whole(self, archive: Archive) -> None:
        words: tuple[Score | ScoreFailure, ...] = (
            Score(
                scorer="judge",
                version="v1",
                value=0.7,
                passed=True,
                label="better",
                explanation="clearer",
                cost=0.01,
                traits={"language": "en"},
            ),
            ScoreFailure(scorer="http", version="v2", trouble=Trouble.TIMEOUT, reason="no word in 30 s"),
        )
        sample = a_sample(output="naïve \ud800 \x00 answer", scores=words, unit=7, stratum="gold")
        pair = a_compared_pair(stable=sample, scores=words, spent=0.02)
        await archive.keep(sample)
        await archive.keep_pair(pair)
        assert await archive.samples() == (sample,)
        assert await archive.pairs("r1") == (pair,)
        assert await archive.pair(pair.id) == pair

    @with_archive
    async def test_what_is_kept_again_replaces_what_there_was(self, archive: Archive) -> None:
        await archive.keep(a_sample())
        scored = a_sample(scores=(Score(scorer="heuristics", version="1", passed=True),))
        await archive.keep(scored)
        await archive.keep_pair(a_compared_pair())
        await archive.keep_pair(a_compared_pair(spent=0.5))
        assert await archive.samples() == (scored,)
        assert [pair.spent for pair in await archive.pairs("r1")] == [0.5]

    @with_archive
    async def test_samples_come_newest_first_by_environment_and_page(self, archive: Archive) -> None:
        for index in range(6):
            await archive.keep(a_sample(id=f"s{index}", at=START + index, environment=("blue", "green")[index % 2]))
        assert [sample.id for sample in await archive.samples(limit=2)] == ["s5", "s4"]
        assert [sample.id for sample in await archive.samples(before=START + 4, limit=2)] == ["s3", "s2"]
        assert [sample.id for sample in await archive.samples(environment="green")] == ["s5", "s3", "s1"]

    @with_archive
    async def test_pairs_come_newest_first_by_rollout_kind_and_page(self, archive: Archive) -> None:
        kinds = (PairKind.SHADOW, PairKind.SELF, PairKind.CASE)
        for index in range(6):
            await archive.keep_pair(a_compared_pair(id=f"p{index}", at=START + index, kind=kinds[index % 3]))
        await archive.keep_pair(a_compared_pair(id="other", rollout="r2"))
        assert [pair.id for pair in await archive.pairs("r1", limit=2)] == ["p5", "p4"]
        assert [pair.id for pair in await archive.pairs("r1", before=START + 4, limit=2)] == ["p3", "p2"]
        assert [pair.id for pair in await archive.pairs("r1", kind="self")] == ["p4", "p1"]
        assert [pair.id for pair in await archive.pairs("r2")] == ["other"]

    @with_archive
    async def test_what_is_too_old_is_forgotten(self, archive: Archive) -> None:
        await archive.keep(a_sample(id="old", at=START))
        await archive.keep(a_sample(id="new", at=START + DAY / 2))
        await archive.keep_pair(a_compared_pair(id="old", at=START))
        await archive.keep_pair(a_compared_pair(id="new", at=START + DAY / 2))
        assert await archive.forget(at=START + DAY + 1) == 2
        assert [sample.id for sample in await archive.samples()] == ["new"]
        assert [pair.id for pair in await archive.pairs("r1")] == ["new"]
        assert await archive.forget(at=START + DAY + 1) == 0

    @with_archive
    async def test_the_oldest_go_when_all_is_too_large(self, archive: Archive) -> None:
        large = "x" * 100_000
        for index in range(8):
            await archive.keep(a_sample(id=f"s{index}", at=START + 2 * index, output=large))
            pair = a_compared_pair(id=f"p{index}", at=START + 2 * index + 1)
            await archive.keep_pair(replace(pair, other=replace(pair.other, output=large)))
        forgotten = await archive.forget(at=START + 20)
        samples, pairs = await archive.samples(), await archive.pairs("r1")
        assert forgotten == 16 - len(samples) - len(pairs)
        assert 9 <= len(samples) + len(pairs) <= 10, "a megabyte holds ten of them, less what surrounds the texts"
        youngest_gone = START + 16 - len(samples) - len(pairs) - 1
        assert min([sample.at for sample in samples] + [pair.at for pair in pairs]) > youngest_gone

    @with_archive
    async def test_many_small_ones_are_forgotten_too(self, archive: Archive) -> None:
        for index in range(1_200):
            await archive.keep(a_sample(id=f"s{index}", at=START))
        assert await archive.forget(at=START + 2 * DAY) == 1_200
        assert await archive.samples() == ()
