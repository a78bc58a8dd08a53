"""The source's own promises, with a real gRPC sender: order, bounds, lateness, counted loss."""

import asyncio
import contextlib
import time
from types import SimpleNamespace

import grpc
import pytest

from support.gateway import until
from support.log_lines import line
from support.processes import PATIENCE
from verdigris.adapters.sources.access_log import export_pb2
from verdigris.adapters.sources.access_log import source as source_module
from verdigris.adapters.sources.access_log.source import AccessLogSource
from verdigris.core.model.errors import TrafficError
from verdigris.ports import LogCounts

NOW = 1_700_000_000.0
_EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def message(*starts, **changes):
    records = [
        {"time_unix_nano": int(at * 1e9), "body": {"string_value": line(DURATION_US="0", **changes)}} for at in starts
    ]
    return export_pb2.Export(resource_logs=[{"scope_logs": [{"log_records": records}]}]).SerializeToString()


@contextlib.asynccontextmanager
async def a_source(folder, **options):
    told = {
        "address": str(folder / "log.sock"),
        "environments": ("blue", "green"),
        "service": "s",
        "clock": lambda: NOW,
    }
    source = AccessLogSource(**{**told, **options})
    await source.open()
    try:
        async with grpc.aio.insecure_channel(f"unix:{source.address}") as channel:
            yield source, channel.unary_unary(_EXPORT)
    finally:
        await source.close()


def test_observations_come_in_time_order_and_in_portions(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, send):
            await send(message(NOW - 1, NOW - 3))
            await send(message(NOW - 2))
            first, second, third = source.collect(2), source.collect(2), source.collect(2)
            assert [seen.at for seen in first.observations] == [NOW - 3, NOW - 2]
            assert [seen.at for seen in second.observations] == [NOW - 1]
            assert third.observations == []
            assert first.streams == 1

    asyncio.run(story())


class Instant(float):
    """A time that counts how often it is compared."""

    compared = 0

    def __lt__(self, other):
        Instant.compared += 1
        return float(self) < float(other)

    def __eq__(self, other):
        Instant.compared += 1
        return float(self) == float(other)

    __hash__ = float.__hash__


def test_a_portion_costs_what_it_holds_not_what_waits(tmp_path, monkeypatch):
    async def story():
        monkeypatch.setattr(source_module, "parser", lambda *_, **__: parse)
        async with a_source(tmp_path) as (source, send):
            starts = [NOW - 1 - n % 7 - n / 100_000 for n in range(20_000)]
            await send(message(*starts))
            Instant.compared = 0
            first = source.collect(10)
            assert Instant.compared < 2_000
            rest = source.collect(20_000)
            assert [seen.at for seen in [*first.observations, *rest.observations]] == sorted(starts)

    def parse(_, time_unix_nano):
        return SimpleNamespace(at=Instant(by_nanosecond[time_unix_nano]))

    by_nanosecond = {int(at * 1e9): at for at in (NOW - 1 - n % 7 - n / 100_000 for n in range(20_000))}
    asyncio.run(story())


def test_what_ended_at_the_same_time_comes_as_it_arrived(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, send):
            for status in ("200", "201", "202"):
                await send(message(NOW, STATUS=status))
            assert [seen.status for seen in source.collect(10).observations] == [200, 201, 202]

    asyncio.run(story())


def test_what_does_not_fit_is_lost_and_counted_once(tmp_path):
    async def story():
        async with a_source(tmp_path, capacity=3) as (source, send):
            await send(message(*[NOW] * 5))
            collected = source.collect(10)
            assert (len(collected.observations), collected.lost) == (3, 2)
            assert source.collect(10).lost == 0
            await send(message(NOW))
            assert len(source.collect(10).observations) == 1

    asyncio.run(story())


def test_what_is_too_old_is_late_and_not_delivered(tmp_path):
    async def story():
        async with a_source(tmp_path, late_after=60.0) as (source, send):
            await send(message(NOW - 61, NOW - 59))
            collected = source.collect(10)
            assert [seen.at for seen in collected.observations] == [NOW - 59]
            assert (collected.late, collected.lost) == (1, 0)
            assert source.collect(10).late == 0

    asyncio.run(story())


@pytest.mark.parametrize("ahead", [6.0, 86_400.0, 1e9])
def test_what_ends_in_the_future_is_lost_and_makes_nothing_else_late(tmp_path, ahead):
    async def story():
        async with a_source(tmp_path) as (source, send):
            await send(message(NOW - 1, NOW + ahead, NOW + 4))
            await send(message(NOW - 0.9))
            collected = source.collect(10)
            assert [seen.at for seen in collected.observations] == [NOW - 1, NOW - 0.9]
            assert (collected.lost, collected.late, source.ahead) == (1, 0, 1)

    asyncio.run(story())


def test_a_message_that_comes_again_counts_once(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "_MESSAGES", 3)

    async def story():
        async with a_source(tmp_path) as (source, send):
            first = message(NOW - 1, NOW - 0.9)
            for each in (first, first, message(NOW - 0.8), first, message()):
                await send(each)
            collected = source.collect(10)
            assert [seen.at for seen in collected.observations] == [NOW - 1, NOW - 0.9, NOW - 0.8]
            assert (source.repeated, collected.lost, collected.late) == (4, 0, 0)
            for at in (0.5, 0.4, 0.3, 0.2):
                await send(message(NOW - at))
            assert len(source._state.messages) == 3

    asyncio.run(story())


def test_one_sender_is_never_held(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, send):
            for at in (NOW - 0.02, NOW - 0.01, NOW):
                await send(message(at))
                assert [seen.at for seen in source.collect(10).observations] == [at]

    asyncio.run(story())


def test_several_senders_are_merged_inside_the_window(tmp_path):
    clock = [NOW]

    async def story():
        async with a_source(tmp_path, clock=lambda: clock[0], window=0.25) as (source, send):
            await send(message(NOW - 0.10, NOW - 0.08))
            await send(message(NOW - 0.20, NOW - 0.09))  # overlaps: from now on there are several
            assert source.collect(10).observations == []
            clock[0] = NOW + 0.16
            assert [seen.at for seen in source.collect(10).observations] == [NOW - 0.20, NOW - 0.10, NOW - 0.09]
            await send(message(NOW + 0.01))
            clock[0] = NOW + 0.2
            assert [seen.at for seen in source.collect(10).observations] == [NOW - 0.08]
            clock[0] = NOW + 11.0  # nobody has overlapped for ten seconds
            assert [seen.at for seen in source.collect(10).observations] == [NOW + 0.01]
            await send(message(NOW + 11.0))
            assert len(source.collect(10).observations) == 1

    asyncio.run(story())


def test_wait_is_not_busy_while_observations_are_held(tmp_path):
    """It sleeps until the first may be collected; then it is there."""

    async def story():
        async with a_source(tmp_path, clock=time.time) as (source, send):
            now = time.time()
            await send(message(now))
            await send(message(now - 0.1, now))
            turns, got = 0, []
            async with asyncio.timeout(PATIENCE):
                while len(got) < 3:
                    await source.wait(5.0)
                    got += source.collect(10).observations
                    turns += 1
            assert [seen.at for seen in got] == sorted(seen.at for seen in got)
            assert turns <= 10

    asyncio.run(story())


def test_what_cannot_be_used_is_counted_by_reason(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, send):
            await send(message(NOW, ENVIRONMENT="violet"))
            await send(message(NOW, ENVIRONMENT="-"))
            await send(message(NOW, STATUS="x"))
            collected = source.collect(10)
            assert collected.observations == []
            assert collected.lost == 2, "a request that reached no environment is not missing"
            assert source.skipped == {"unrouted": 1, "unknown_environment": 1, "malformed": 1}

    asyncio.run(story())


def test_wait_ends_when_something_arrives_or_in_time(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, send):
            await source.wait(0.01)
            waiting = asyncio.create_task(source.wait(60))
            await send(message(NOW))
            await asyncio.wait_for(waiting, 10)
            source.collect(10)
            waiting = asyncio.create_task(source.wait(60))
            await asyncio.sleep(0)
            assert not waiting.done()
            waiting.cancel()

    asyncio.run(story())


def test_a_message_that_is_none_harms_nothing(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, send):
            with pytest.raises(grpc.aio.AioRpcError):
                await send(b"\xff\xff\xff")
            await send(message(NOW))
            assert len(source.collect(10).observations) == 1

    asyncio.run(story())


def test_what_the_sender_dropped_is_lost(tmp_path):
    says = [
        LogCounts(sent=10, dropped=5, connections=1),
        LogCounts(sent=20, dropped=7, connections=2),
        None,
        LogCounts(sent=30, dropped=7, connections=2),
        LogCounts(sent=1, dropped=3, connections=1),  # begun anew
    ]
    asked = []

    async def counts():
        asked.append(source_of[0].collect(0) if source_of else None)
        return says[min(len(asked), len(says)) - 1]

    source_of = []

    async def story():
        async with a_source(tmp_path, counts=counts, ask_every=0.001) as (source, _):
            source_of.append(source)

            async def all_said():
                return len(asked) >= len(says) + 2

            await until(all_said, "the sender to be asked")
            assert source.collect(0).streams == 1

    asyncio.run(story())
    gained = [seen.lost for seen in asked if seen is not None]
    assert sum(gained) == 2 + 3
    assert 0 in [seen.streams for seen in asked if seen is not None], "silence is no stream"


def test_a_sender_that_answers_nonsense_is_asked_again(tmp_path, caplog):
    asked = []

    async def counts():
        asked.append(source_of[0].collect(0).streams if source_of else None)
        if 1 < len(asked) < 5:
            raise ValueError("no JSON")
        return LogCounts(sent=1, dropped=0, connections=3)

    source_of = []

    async def story():
        async with a_source(tmp_path, counts=counts, ask_every=0.001) as (source, _):
            source_of.append(source)

            async def well_again():
                return len(asked) > 5 and source.collect(0).streams == 3

            await until(well_again, "the sender to be asked again")

    asyncio.run(story())
    assert 0 in asked, "a sender that says nothing is no stream"
    assert [record.name for record in caplog.records].count(source_module.__name__) == 1


def test_an_address_nobody_can_listen_at_is_an_error(tmp_path):
    source = AccessLogSource(address=str(tmp_path / "no" / "where"), environments=("blue",), service="s")
    with pytest.raises(TrafficError, match="where"):
        asyncio.run(source.open())


def test_the_socket_is_private(tmp_path):
    async def story():
        async with a_source(tmp_path) as (source, _):
            assert source.address == str(tmp_path / "log.sock")
            return (tmp_path / "log.sock").stat().st_mode & 0o777

    assert asyncio.run(story()) == 0o600
