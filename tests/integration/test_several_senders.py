"""Several processes send their access logs to one source: merged in time order, counted, and judged as one stream."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import grpc
import pytest

from support.log_sender import EXPORT, message, records
from support.processes import PATIENCE, Process
from verdigris.adapters.sources.access_log.source import AccessLogSource
from verdigris.core.analysis.judge import judge
from verdigris.core.analysis.ledger import Ledger
from verdigris.core.analysis.terms import Terms
from verdigris.core.model.metric import DEFAULT_GUARDRAILS
from verdigris.core.model.observation import Role
from verdigris.core.model.verdict import Outcome

pytestmark = pytest.mark.real

COUNT = 1_500
SENDERS = 3


async def collected(source, count):
    """All observations in the order in which they came, and what was counted beside them."""
    got, lost, late = [], 0, 0
    async with asyncio.timeout(PATIENCE):
        while len(got) < count:
            await source.wait(1.0)
            portion = source.collect(100)
            got += portion.observations
            lost, late = lost + portion.lost, late + portion.late
    return got, lost, late


async def from_processes(folder, begin):
    """With a window that no sender misses, however busy this machine is."""
    source = AccessLogSource(address=str(folder / "log.sock"), environments=("blue", "green"), service="s", window=1.5)
    await source.open()
    senders = []
    try:
        async with grpc.aio.insecure_channel(f"unix:{source.address}") as channel:
            now = time.time()  # two senders overlap once before anything counts
            for at in (now, now - 0.5):
                await channel.unary_unary(EXPORT)(message([records(at, 1)[0][1]]))
        source.collect(0)
        senders = [
            Process(
                folder,
                f"sender-{part}",
                "support.log_sender",
                *map(str, (source.address, begin, part, SENDERS, COUNT, 0.05 + 0.03 * part)),
                environment={"PYTHONPATH": str(Path(__file__).parents[1])},
            )
            for part in range(SENDERS)
        ]
        got, lost, late = await collected(source, COUNT + 2)
        assert source.collect(10).observations == []
        return [row for row in got if row.at > begin - 0.001], lost, late
    finally:
        for sender in senders:
            sender.popen.wait(PATIENCE)
            sender.kill()
        await source.close()


def test_what_three_processes_send_is_judged_as_if_one_had_sent_it(tmp_path):
    begin = round(time.time() + 2.0, 3)  # after all three have started
    got, lost, late = asyncio.run(from_processes(tmp_path, begin))
    assert (len(got), lost, late) == (COUNT, 0, 0)
    assert [row.request_bytes for row in got] == list(range(COUNT)), "none twice, none missing, in the order of time"
    assert all(before.at <= after.at for before, after in pairwise(got))

    def judged(portions):
        ledger = Ledger.begin(Terms(guardrails=DEFAULT_GUARDRAILS, stable="blue", candidate="green"))
        ledger.expect(at=begin - 1.0, share=0.5)
        for rows in portions:
            ledger.fold(rows)
        verdict = judge(ledger, at=begin + 10.0)
        return verdict.outcome, verdict.reason, [ledger.samples(role) for role in Role]

    several = judged(got[at : at + 100] for at in range(0, COUNT, 100))
    assert several == judged(
        [sorted(got, key=lambda row: row.request_bytes)[at : at + 100] for at in range(0, COUNT, 100)]
    )
    assert several == judged(asyncio.run(from_one(tmp_path, begin)))
    assert several[0] is Outcome.FAIL


async def from_one(folder, begin):
    """The same lines from one sender, in portions of a hundred."""
    source = AccessLogSource(
        address=str(folder / "one.sock"), environments=("blue", "green"), service="s", late_after=3_600.0
    )
    await source.open()
    try:
        async with grpc.aio.insecure_channel(f"unix:{source.address}") as channel:
            portions = []
            for at in range(0, COUNT, 100):
                part = [record for _, record in records(begin, COUNT)[at : at + 100]]
                await channel.unary_unary(EXPORT)(message(part))
                portions.append(source.collect(1_000).observations)
        return portions
    finally:
        await source.close()
