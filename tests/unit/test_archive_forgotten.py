"""What is forgotten is gone from the disk, not only from the lists."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from verdigris.adapters.samples.archive import SqliteArchive
from verdigris.core.model.quality import Retention
from verdigris.testing.builders import START
from verdigris.testing.samples import a_compared_pair, a_sample

MARK = "a-word-that-somebody-wrote"


def on_disk(folder: Path) -> int:
    return sum(path.read_bytes().count(MARK.encode()) for path in folder.iterdir())


def test_forgotten_texts_stand_in_no_file_while_the_archive_is_open(tmp_path: Path) -> None:
    archive = SqliteArchive(path=tmp_path / "samples.db", retention=Retention(seconds=60.0))
    long_text = f"{MARK} " * 400  # over several pages

    async def story() -> tuple[int, int, int]:
        await archive.open()
        try:
            for number in range(20):
                await archive.keep(replace(a_sample(), id=f"s{number}", at=START + number, input=long_text))
            await archive.keep_pair(replace(a_compared_pair(), stable=replace(a_sample(), output=long_text)))
            kept = on_disk(tmp_path)
            forgotten = await archive.forget(at=START + 1_000.0)
            return kept, forgotten, on_disk(tmp_path)
        finally:
            await archive.close()

    kept, forgotten, left = asyncio.run(story())
    assert kept > 20
    assert forgotten == 21
    assert left == 0
