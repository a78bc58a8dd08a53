"""`python -m verdigris.demo.users [--port 8080] [--rate 50] [--limit N]`: simulated users of the simulated app.

Sends to the gateway (or to one app directly) until Ctrl-C, or `--limit` requests, and prints what came back every five
seconds. Exit code 1 when an answer was not HTTP 200.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from verdigris.demo.run import until_signal
from verdigris.demo.traffic import Tally, Traffic

EVERY = 5.0


def line(tally: Tally) -> str:
    """`250 answers, 250 of them HTTP 200; by release: r-9b0f8e323339 226, r-dcaf35239dd6 24`."""
    text = f"{tally.answers:,} answers, {tally.statuses[200]:,} of them HTTP 200"
    releases = [f"{name or 'not stamped'} {seen.answers:,}" for name, seen in sorted(tally.releases.items())]
    return f"{text}; by release: {', '.join(releases)}" if releases else text


async def send(traffic: Traffic) -> int:
    """Until the limit; each line tells about the requests since the one before."""
    if traffic.limit is not None:
        return _told(await traffic.run())
    traffic.start()
    try:
        while True:
            await asyncio.sleep(EVERY)
            _told(await traffic.begin())
    finally:
        await traffic.stop()


def _told(tally: Tally) -> int:
    print(line(tally), flush=True)
    return 1 if tally.not_ok else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="verdigris.demo.users", description="Simulated users of the simulated app.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="the gateway's (default: %(default)d)")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second (default: %(default)g)")
    parser.add_argument("--limit", type=int, help="stop after so many requests")
    options = parser.parse_args()
    if not 1 <= options.rate <= 5_000:
        parser.error("--rate must lie between 1 and 5000")
    traffic = Traffic(host=options.host, port=options.port, rate=options.rate, limit=options.limit)
    return asyncio.run(until_signal(lambda: send(traffic)))


if __name__ == "__main__":
    sys.exit(main())
