"""Spends from a till until it is killed or the budget is used up.

`till_spender.py FILE` reserves a cent for each call and settles every other one with half a cent. It prints `reserved ID` and
`settled ID` when that is done, one a line, and `empty` when nothing fits any more.
"""

import asyncio
import sys
from pathlib import Path

from verdigris.adapters.samples.till import SqliteTill
from verdigris.core.model.quality import Budget
from verdigris.testing.builders import START

CENT, HALF = 0.01, 0.005
BUDGET = Budget(per_day=1.0)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def spend(path: Path) -> None:
    till = SqliteTill(path=path, patience=60.0)
    while (found := await till.reserve("shadow", CENT, budget=BUDGET, rollout="r1", at=START)) is not None:
        say(f"reserved {found.id}")
        if found.id % 2:
            await till.settle(found, HALF)
            say(f"settled {found.id}")
    say("empty")
    await till.close()


if __name__ == "__main__":
    asyncio.run(spend(Path(sys.argv[1])))
