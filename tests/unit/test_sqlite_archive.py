"""The archive's file: kept over restarts, refused clearly when it cannot be used, and left as it is then."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from verdigris.adapters.samples import archive, schema
from verdigris.adapters.samples.archive import SqliteArchive
from verdigris.core.model.errors import StoreError, StoreTooNew, StoreUnreadable
from verdigris.testing.samples import a_compared_pair, a_sample


@pytest.fixture
def path(tmp_path):
    return tmp_path / "samples.db"


def opened(path, work):
    async def story():
        archive = SqliteArchive(path=path, patience=0.1)
        await archive.open()
        try:
            return await work(archive)
        finally:
            await archive.close()

    return asyncio.run(story())


async def keep_both(archive):
    await archive.keep(a_sample())
    await archive.keep_pair(a_compared_pair())


def query(path, statement):
    with sqlite3.connect(path) as connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


def test_what_was_kept_is_there_after_a_restart(path):
    opened(path, keep_both)
    assert opened(path, lambda archive: archive.samples()) == (a_sample(),)
    assert opened(path, lambda archive: archive.pair("p1")) == a_compared_pair()


def test_the_file_is_its_owners_alone(path):
    opened(path, keep_both)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path):
    path.write_bytes(b"prompts, but not ours " * 100)
    with pytest.raises(StoreUnreadable, match=r"samples\.db is not an SQLite database"):
        opened(path, keep_both)
    assert path.read_bytes() == b"prompts, but not ours " * 100


def test_another_programs_database_is_refused(path):
    query(path, "PRAGMA application_id = 7")
    with pytest.raises(StoreUnreadable, match="another program"):
        opened(path, keep_both)


def test_a_newer_archive_is_refused(path):
    opened(path, keep_both)
    query(path, "UPDATE parts SET version = version + 1")
    with pytest.raises(StoreTooNew, match="upgrade"):
        opened(path, keep_both)


def test_a_damaged_document_hides_no_other(path):
    async def story(archive):
        await archive.keep(a_sample(id="a"))
        await archive.keep(a_sample(id="b"))
        await archive.keep_pair(a_compared_pair())

    opened(path, story)
    query(path, "UPDATE archived_samples SET document = '{}', at = at + 1 WHERE id = 'a'")
    query(path, "UPDATE archived_pairs SET document = 'x'")
    assert [sample.id for sample in opened(path, lambda archive: archive.samples())] == ["b"]
    assert [sample.id for sample in opened(path, lambda archive: archive.samples(limit=1))] == ["b"]
    with pytest.raises(StoreUnreadable, match="kept ComparedPair is damaged"):
        opened(path, lambda archive: archive.pair("p1"))


@pytest.mark.parametrize("statement", [archive._SAMPLES, archive._PAIRS])
def test_no_page_sorts_all_that_is_kept(path, statement):
    opened(path, keep_both)
    with sqlite3.connect(path) as connection:
        asked = {"environment": "", "rollout": "r1", "kind": "", "before": 1e12}
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", asked).fetchall()
    connection.close()
    assert not any("B-TREE FOR ORDER BY" in row[3] for row in plan), plan  # those of one moment are sorted, no more


def test_other_parts_may_share_the_file(path):
    connection = schema.open_shared(path, 1.0)
    schema.migrate(connection, path, "till", (("CREATE TABLE money (id INTEGER)",),))
    opened(path, keep_both)
    connection.execute("INSERT INTO money VALUES (1)")
    connection.close()
    assert query(path, "SELECT name, version FROM parts ORDER BY name") == [("archive", 1), ("till", 1)]


def test_a_locked_file_is_an_error_that_passes(path):
    async def story(archive):
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another program"):
                await archive.keep(a_sample())
            other.execute("ROLLBACK")
        other.close()
        await archive.keep(a_sample())
        return await archive.samples()

    assert opened(path, story) == (a_sample(),)


def test_an_archive_that_is_not_open_says_so(path):
    with pytest.raises(StoreError, match="not open"):
        asyncio.run(SqliteArchive(path=path).keep(a_sample()))
