"""The source in memory keeps the same promises as the real one."""

import asyncio

from verdigris.adapters.sources.memory import MemorySource
from verdigris.testing import builders as build


def test_it_delivers_in_order_in_portions_and_counts_what_does_not_fit():
    async def story():
        source = MemorySource(capacity=3)
        await source.open()
        await source.wait(0.001)
        source.put(build.observation(at=at) for at in (3.0, 1.0, 2.0, 4.0))
        await asyncio.wait_for(source.wait(60), 10)
        first, second = source.collect(2), source.collect(2)
        assert [seen.at for seen in first.observations] == [1.0, 2.0]
        assert [seen.at for seen in second.observations] == [3.0]
        assert (first.lost, second.lost, first.streams) == (1, 0, 1)
        await source.close()

    asyncio.run(story())
