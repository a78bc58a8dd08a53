"""A receiver of copies as a process of its own, to be killed: `python -m support.copy_receiver SOCKET`. It tells how many came."""

import asyncio
import sys

from verdigris.adapters.samples.ext_proc.source import CopySource


async def receive(address: str) -> None:
    source = CopySource(address=address, environments=("blue", "green"), service="summarizer")
    await source.open()
    print("open", flush=True)  # noqa: T201 -- the test waits for this word
    total = 0
    while True:
        await source.wait(60.0)
        total += len(source.collect(10_000).exchanges)
        print(f"received {total}.", flush=True)  # noqa: T201 -- the test reads it


if __name__ == "__main__":
    asyncio.run(receive(sys.argv[1]))
