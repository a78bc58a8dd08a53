"""What only the SQLite store can get wrong: the file, its owner, its age, its disk, its thread and its lock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from verdigris.adapters.stores.sqlite import SqliteStore, queries, schema
from verdigris.adapters.stores.sqlite.lock import lock_path
from verdigris.core.model.errors import LeaseHeld, NotFound, StaleVersion, StoreError, StoreTooNew, StoreUnreadable
from verdigris.ports import Segment
from verdigris.testing import builders as build
from verdigris.testing.stores import SERVICE, begin, go_on

T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdigris.db"


def with_store(path: Path, story: Callable[[SqliteStore], Awaitable[T]], **options) -> T:
    async def run() -> T:
        store = SqliteStore(path=path, **options)
        await store.open()
        try:
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(run())


def opened(path: Path) -> None:
    async def nothing(store: SqliteStore) -> None:
        pass

    with_store(path, nothing)


def query(path: Path, sql: str) -> list:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def one_rollout(store: SqliteStore) -> None:
    lease = await store.lease(SERVICE, "one")
    rollout = await begin(store, lease, commands=[build.announce()])
    await go_on(store, lease, rollout, version=1, ledger=b"evidence")


# ------------------------------------------------------------------ the file


def test_a_new_store_makes_its_directory_and_keeps_it_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "verdigris.db"
    with_store(path, one_rollout)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(lock_path(path, SERVICE).stat().st_mode) == 0o600


def test_what_was_written_is_there_when_opened_again(path: Path) -> None:
    with_store(path, one_rollout)
    stored = with_store(path, lambda store: store.load("r1"))
    assert (stored.version, stored.ledger) == (2, b"evidence")
    assert [item.command for item in stored.pending] == [build.announce()]


def test_the_file_says_whose_and_how_old_it_is(path: Path) -> None:
    opened(path)
    assert query(path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert query(path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_newer_file_is_refused_and_left_alone(path: Path) -> None:
    with_store(path, one_rollout)
    query(path, f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="upgrade Verdigris") as caught:
        opened(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    ["CREATE TABLE songs (title TEXT)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"],
    ids=["tables", "application id", "version"],
)
def test_another_programs_database_is_refused_and_left_alone(path: Path, sql: str) -> None:
    query(path, sql)
    before = path.read_bytes()
    with pytest.raises(StoreUnreadable, match="another program") as caught:
        opened(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"service: summarizer\n" * 500)
    with pytest.raises(StoreUnreadable, match="not an SQLite database") as caught:
        opened(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == b"service: summarizer\n" * 500


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.touch()
    with_store(path, one_rollout)


def test_damage_inside_the_file_is_said_when_it_is_met(path: Path) -> None:
    with_store(path, one_rollout)
    (size,) = query(path, "PRAGMA page_size")[0]
    data = bytearray(path.read_bytes())
    data[size:] = os.urandom(len(data) - size)
    path.write_bytes(data)
    with pytest.raises(StoreUnreadable, match="damaged") as caught:
        with_store(path, lambda store: store.load("r1"))
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("written", ["X'7B'", "X'FF'", "'{}'", "''"])
def test_a_damaged_document_is_said_with_the_file(path: Path, written: str) -> None:
    with_store(path, one_rollout)
    query(path, f"UPDATE events SET event = CAST({written} AS TEXT) WHERE number = 2")  # noqa: S608 -- the test's own words
    with pytest.raises(StoreUnreadable) as caught:
        with_store(path, lambda store: store.events("r1"))
    assert str(path) in str(caught.value)
    assert len(with_store(path, lambda store: store.events("r1", limit=1))) == 1


def test_a_document_of_a_newer_verdigris_is_said_with_the_file(path: Path) -> None:
    with_store(path, one_rollout)
    query(path, """UPDATE rollouts SET state = '{"schema":99}'""")
    with pytest.raises(StoreTooNew) as caught:
        with_store(path, lambda store: store.latest(SERVICE))
    assert str(path) in str(caught.value)


def test_a_directory_in_the_files_place_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreUnreadable, match=r"verdigris\.db.*may write to"):
        opened(path)


def test_a_file_in_the_directorys_place_is_refused(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreUnreadable, match=r"inside\.db.*may write to"):
        opened(path / "inside.db")


def test_a_device_is_refused() -> None:
    with pytest.raises(StoreUnreadable, match="/dev/null is not a regular file"):
        opened(Path("/dev/null"))


def test_opening_that_failed_can_be_tried_again(path: Path) -> None:
    store = SqliteStore(path=path)
    path.mkdir()
    with pytest.raises(StoreUnreadable):
        asyncio.run(store.open())
    path.rmdir()

    async def story() -> None:
        await store.open()
        await store.close()
        await store.close()
        with pytest.raises(StoreError, match="not open"):
            await store.latest(SERVICE)
        await store.open()
        with pytest.raises(StoreError, match="open already"):
            await store.open()
        assert await store.latest(SERVICE) is None
        await store.close()

    asyncio.run(story())


def test_many_may_create_one_file_at_once(path: Path) -> None:
    async def story() -> None:
        stores = [SqliteStore(path=path) for _ in range(12)]
        try:
            await asyncio.gather(*(store.open() for store in stores))
        finally:
            await asyncio.gather(*(store.close() for store in stores))

    asyncio.run(story())
    assert query(path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


def test_a_file_created_while_it_is_looked_at_is_not_taken_for_anothers(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = schema._number

    def interrupted(connection: sqlite3.Connection, sql: str) -> int:
        answer = number(connection, sql)
        if sql == "PRAGMA application_id":
            other = sqlite3.connect(path, timeout=0, isolation_level=None)
            with contextlib.closing(other), contextlib.suppress(sqlite3.OperationalError):
                other.executescript(f"BEGIN; {sql} = {schema.APPLICATION_ID}; PRAGMA user_version = 1; COMMIT")
        return answer

    monkeypatch.setattr(schema, "_number", interrupted)
    opened(path)


def test_what_is_forgotten_leaves_nothing_behind(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        for name in ("r1", "r2", "r3"):
            await begin(store, lease, name, commands=[build.announce()])
            await store.save_ledger(lease, name, b"evidence")

    with_store(path, story, keep_rollouts=1)
    for table in ("rollouts", "events", "outbox", "ledgers"):
        assert query(path, f"SELECT count(*) FROM {table}") == [(1,)], table  # noqa: S608 -- the test's own words


# ------------------------------------------------------------------ migrations


def test_an_older_file_is_brought_forward_with_all_it_holds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_store(path, one_rollout)
    more = ("ALTER TABLE rollouts ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'", "CREATE TABLE later (x)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
    assert with_store(path, lambda store: store.load("r1")).version == 2
    assert query(path, "SELECT colour FROM rollouts") == [("green",)]
    assert query(path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_store(path, one_rollout)
    monkeypatch.setattr(
        schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE later (x)", "CREATE TABLE later (x)"))
    )
    with pytest.raises(StoreError, match="later already exists"):
        opened(path)
    monkeypatch.undo()
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name = 'later'") == [(0,)]
    assert with_store(path, lambda store: store.load("r1")).version == 2


# ------------------------------------------------------------------ transactions


def statements_of(path: Path, story: Callable[[SqliteStore], Awaitable[None]]) -> list[str]:
    """The statements SQLite runs for `story`, upper case, in order."""
    seen: list[str] = []

    async def traced(store: SqliteStore) -> None:
        await store._worker.run(lambda connection: connection.set_trace_callback(lambda sql: seen.append(sql.upper())))
        await story(store)

    with_store(path, traced)
    return seen


def test_a_decision_is_one_transaction_flushed_to_disk(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease, commands=[build.announce()])
        await store._worker.run(lambda connection: connection.execute("SELECT 'here'"))
        await go_on(store, lease, rollout, version=1, done=[1], commands=[build.apply_split()], ledger=b"evidence")
        await store._worker.run(lambda connection: connection.execute("SELECT 'there'"))

    seen = statements_of(path, story)
    decision = seen[seen.index("SELECT 'HERE'") + 1 : seen.index("SELECT 'THERE'")]
    assert decision[0] == queries.BEGIN_WRITE
    assert decision[-1] == queries.COMMIT
    assert not {queries.BEGIN_WRITE, queries.COMMIT} & set(decision[1:-1])
    assert not any("SYNCHRONOUS" in statement for statement in decision)


def synchronous(store: SqliteStore) -> Awaitable[int]:
    return store._worker.run(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0])


def test_only_ledgers_between_decisions_may_wait_for_the_disk(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        await begin(store, lease)
        assert await synchronous(store) == 2  # FULL
        await store.save_ledger(lease, "r1", b"evidence")
        assert await synchronous(store) == 2
        with pytest.raises(NotFound):
            await store.save_ledger(lease, "ghost", b"evidence")
        assert await synchronous(store) == 2

    assert [statement for statement in statements_of(path, story) if "SYNCHRONOUS =" in statement] == [
        "PRAGMA SYNCHRONOUS = NORMAL",
        "PRAGMA SYNCHRONOUS = FULL",
        "PRAGMA SYNCHRONOUS = NORMAL",
        "PRAGMA SYNCHRONOUS = FULL",
    ]


@pytest.mark.parametrize("place", ["LOG_EVENT", "POST_COMMAND", "SETTLE_COMMAND", "SAVE_LEDGER", "COMMIT"])
def test_a_fault_anywhere_leaves_nothing_of_the_decision(
    path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(
            store,
            lease,
            commands=[build.announce()],
        )
        before = await store.load("r1")
        monkeypatch.setattr(queries, place, "INSERT INTO nowhere VALUES (1)")
        with pytest.raises(StoreError, match="nowhere"):
            await go_on(
                store, lease, rollout, version=1, commands=[build.apply_split()], done=[before.pending[0].id],
                ledger=b"wrong",
            )  # fmt: skip
        monkeypatch.undo()
        assert await store.load("r1") == before
        assert len(await store.events("r1")) == 1
        assert await go_on(store, lease, rollout, version=1) == 2

    with_store(path, story)


def test_a_full_disk_is_said_and_leaves_the_store_usable(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        (pages,) = await store._worker.run(lambda connection: connection.execute("PRAGMA page_count").fetchone())
        await store._worker.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(StoreError, match="the disk is full") as caught:
            await go_on(store, lease, rollout, version=1, ledger=bytes(1_000_000))
        assert str(path) in str(caught.value)
        assert type(caught.value) is StoreError
        assert (await store.load("r1")).version == 1
        await store._worker.run(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchone())
        assert await go_on(store, lease, rollout, version=1, ledger=bytes(1_000_000)) == 2

    with_store(path, story)


def test_a_locked_file_holds_up_neither_the_loop_nor_us_for_ever(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        other = sqlite3.connect(path, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(go_on(store, lease, rollout, version=1))
            turns = 0
            while not waiting.done():
                await asyncio.sleep(0)
                turns += 1
            with pytest.raises(StoreError, match="locked by another program") as caught:
                await waiting
            assert type(caught.value) is StoreError
            assert turns > 10
            other.execute("ROLLBACK")
        finally:
            other.close()
        assert await go_on(store, lease, rollout, version=1) == 2

    with_store(path, story, patience=0.2)


def test_all_work_is_done_in_one_thread_that_ends_with_the_store(path: Path) -> None:
    seen: set[str] = set()

    async def story(store: SqliteStore) -> None:
        await asyncio.gather(
            *(store._worker.run(lambda _: seen.add(threading.current_thread().name)) for _ in range(20))
        )

    with_store(path, story)
    assert len(seen) == 1
    (name,) = seen
    assert name != threading.main_thread().name


def test_a_cancelled_caller_leaves_a_whole_decision_or_none(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        rollout = await begin(store, lease)
        gate = threading.Event()
        holding = asyncio.ensure_future(store._worker.run(lambda _: gate.wait(30)))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(go_on(store, lease, rollout, version=1))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        await holding
        version = (await store.load("r1")).version
        assert len(await store.events("r1")) == version
        assert await go_on(store, lease, rollout, version=version) == version + 1

    with_store(path, story)


# ------------------------------------------------------------------ lease


def test_the_refusal_names_the_process_that_holds_the_lease(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await store.lease(SERVICE, "the first")
        rival = SqliteStore(path=path)
        await rival.open()
        try:
            with pytest.raises(LeaseHeld, match=rf"the first, host .+, pid {os.getpid()}\).*{SERVICE}"):
                await rival.lease(SERVICE, "the second")
        finally:
            await rival.close()

    with_store(path, story)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"pid": 1}', b"\xff"])
def test_an_unsigned_lock_is_a_lock_too(path: Path, text: bytes) -> None:
    async def story(store: SqliteStore) -> None:
        await store.lease(SERVICE, "one")
        lock_path(path, SERVICE).write_bytes(text)
        rival = SqliteStore(path=path)
        await rival.open()
        try:
            with pytest.raises(LeaseHeld, match="another controller holds"):
                await rival.lease(SERVICE, "two")
        finally:
            await rival.close()

    with_store(path, story)


def test_one_file_has_one_lock_by_whatever_link_it_is_reached(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)

    async def story(store: SqliteStore) -> None:
        await store.lease(SERVICE, "one")
        rival = SqliteStore(path=link)
        await rival.open()
        try:
            with pytest.raises(LeaseHeld):
                await rival.lease(SERVICE, "two")
        finally:
            await rival.close()

    with_store(path, story)


def test_when_the_lock_file_is_lost_the_token_still_fences(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        old = await store.lease(SERVICE, "one")
        rollout = await begin(store, old)
        lock_path(path, SERVICE).unlink()
        rival = SqliteStore(path=path)
        await rival.open()
        try:
            new = await rival.lease(SERVICE, "two")
            with pytest.raises(LeaseHeld, match="two has taken it over"):
                await go_on(store, old, rollout, version=1)
            await store.release(old)  # must not free what the rival holds
            assert await go_on(rival, new, rollout, version=1) == 2
        finally:
            await rival.close()

    with_store(path, story)


def test_a_lease_that_could_not_be_written_leaves_no_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(store: SqliteStore) -> None:
        monkeypatch.setattr(queries, "TAKE_LEASE", "INSERT INTO nowhere VALUES (1)")
        with pytest.raises(StoreError, match="nowhere"):
            await store.lease(SERVICE, "one")
        monkeypatch.undo()
        assert (await store.lease(SERVICE, "one")).token == 1

    with_store(path, story)


def test_reading_needs_no_lease(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await one_rollout(store)
        reader = SqliteStore(path=path)
        await reader.open()
        try:
            assert (await reader.load("r1")).version == 2
        finally:
            await reader.close()

    with_store(path, story)


def test_a_second_rollout_of_the_same_id_is_stale_even_after_a_restart(path: Path) -> None:
    with_store(path, one_rollout)

    async def again(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "two")
        with pytest.raises(StaleVersion):
            await begin(store, lease)

    with_store(path, again)


def test_a_file_from_before_records_is_brought_forward(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        before.setattr(queries, "FORGET_RECORDS", "DELETE FROM rollouts WHERE :bytes IS NULL AND service = :service")
        with_store(path, one_rollout)
    assert query(path, "PRAGMA user_version") == [(1,)]

    async def story(store: SqliteStore) -> None:
        assert await store.record("r1") == ()
        lease = await store.lease(SERVICE, "one")
        await store.save_ledger(lease, "r1", b"evidence", record=[Segment(number=1, data=b"piece")])
        assert [piece.data for piece in await store.record("r1")] == [b"piece"]

    with_store(path, story)
    assert query(path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


def test_ledger_and_record_are_one_transaction(path: Path) -> None:
    async def save(store: SqliteStore) -> None:
        lease = await store.lease(SERVICE, "one")
        await store.save_ledger(lease, "r1", b"evidence", record=[Segment(number=1, data=b"piece")])

    with_store(path, one_rollout)
    said = statements_of(path, save)
    ledger, record = (next(i for i, sql in enumerate(said) if f"INTO {name}" in sql) for name in ("LEDGERS", "RECORDS"))
    assert ledger < record
    assert not {queries.BEGIN_WRITE, queries.COMMIT} & set(said[ledger:record])
