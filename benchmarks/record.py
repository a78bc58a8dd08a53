"""How large a rollout's record is: `python -m benchmarks.record`.

Requests like those of an AI service, with all that can be measured of them, are recorded in batches of 1,000.
"""

from __future__ import annotations

import random
import time

from verdigris.core.analysis.columns import Columns
from verdigris.core.analysis.record import MOST, Folded, Recorder
from verdigris.core.model.observation import Observation

_COUNT, _BATCH = 200_000, 1_000


def _request(lots: random.Random, number: int) -> Observation:
    duration = round(lots.lognormvariate(0.0, 0.5), 6)
    return Observation(
        at=1.8e9 + number / 100,
        environment="green" if lots.random() < 0.1 else "blue",
        status=200,
        duration=duration,
        time_to_first_byte=round(duration / 3, 6),
        cost=round(lots.lognormvariate(-6.0, 0.4), 6),
        quality=round(min(max(lots.gauss(0.85, 0.08), 0.0), 1.0), 3),
        refusal=False,
        output_tokens=lots.randrange(800),
        finish_reason="stop",
        response_model="model-1",
    )


def main() -> None:
    lots, recorder, spent = random.Random(1), Recorder(most=2**62, held=2**62), 0.0
    for start in range(0, _COUNT, _BATCH):
        rows = [_request(lots, number) for number in range(start, start + _BATCH)]
        columns = Columns.of(rows, stable="blue", candidate="green")
        began = time.perf_counter()
        recorder.add(Folded(columns=columns))
        spent += time.perf_counter() - began
    each = sum(map(len, recorder.segments().values())) / _COUNT
    print(f"{each:.1f} bytes a request; {each:.1f} MB for 1,000,000 requests")
    print(f"{MOST / each / 1e6:.1f} million requests fit into a record of {MOST / 2**20:.0f} MiB")
    print(f"{spent / _COUNT * 1e6:.2f} µs a request to record it")


if __name__ == "__main__":
    main()
