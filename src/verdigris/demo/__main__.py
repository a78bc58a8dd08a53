"""`python -m verdigris.demo [--keep] [--rate R]`: the first five minutes."""

from __future__ import annotations

import argparse
import sys

import uvloop

from verdigris.demo.board import board
from verdigris.demo.run import demo, until_signal

DEFAULT_RATE = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="verdigris.demo",
        description="A harmless change is promoted and a harmful one rolled back, on real traffic to a simulated app.",
    )
    parser.add_argument("--keep", action="store_true", help="go on serving afterwards, until Ctrl-C")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE, help="requests a second (default: %(default)g)")
    options = parser.parse_args()
    if not 1 <= options.rate <= 5_000:
        parser.error("--rate must lie between 1 and 5000")
    with board() as screen:
        return uvloop.run(until_signal(lambda: demo(board=screen, rate=options.rate, keep=options.keep)))


if __name__ == "__main__":
    sys.exit(main())
