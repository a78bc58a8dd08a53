"""Log export requests without end: captured lines with drawn values and fresh times, serialised as Envoy sends them.

As a program it sends them to a collector as fast as that takes them, from a process of its own:

    python -m benchmarks.firehose --captured FILE --to unix:PATH --seconds S
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
import numpy as np

from verdigris.adapters.line import INNER, SEPARATOR, Answer, Field
from verdigris.adapters.sources.access_log.export_pb2 import Export

BATCH_BYTES = 128 << 10
"""What our Envoy collects before it sends, under load."""
POOL = 48
"""Different requests that are sent in turn."""
_MARK = 0x5EC0_ADE5_5A17_0B0E
"""Stands for a record's time until it is stamped; nothing else in a request looks like it."""


class Requests:
    """A pool of serialised export requests whose times are written in place just before use."""

    def __init__(self, captured: Sequence[bytes], *, seed: int = 1) -> None:
        drawn = random.Random(seed)
        kept = max(captured, key=len)
        template = Export.FromString(kept)
        records = [
            record
            for message in captured
            for by in Export.FromString(message).resource_logs
            for scope in by.scope_logs
            for record in scope.log_records
        ]
        self.per_request = max(1, BATCH_BYTES // (sum(len(r.body.string_value) for r in records) // len(records)))
        self._pool = [self._request(template, records, drawn) for _ in range(POOL)]
        self._next = 0

    def _request(
        self, template: Export, records: Sequence[object], drawn: random.Random
    ) -> tuple[bytearray, np.ndarray]:
        request = Export()
        request.CopyFrom(template)
        scope = request.resource_logs[0].scope_logs[0]
        del scope.log_records[:]
        for _ in range(self.per_request):
            record = scope.log_records.add()
            record.CopyFrom(drawn.choice(records))
            record.time_unix_nano = _MARK
            record.body.string_value = _redrawn(record.body.string_value, drawn)
        raw = bytearray(request.SerializeToString())
        return raw, _offsets(bytes(raw), self.per_request)

    def next(self, *, since: float, until: float) -> bytes:
        """One request whose records began evenly between two unix times."""
        raw, offsets = self._pool[self._next]
        self._next = (self._next + 1) % len(self._pool)
        times = np.linspace(since * 1e9, until * 1e9, len(offsets)).astype("<u8").view("u1").reshape(-1, 8)
        np.frombuffer(raw, dtype="u1")[offsets[:, None] + np.arange(8)] = times
        return bytes(raw)


def _redrawn(line: bytes, drawn: random.Random) -> bytes:
    """The same line with another duration, cost, quality and number of tokens; one answer in 200 is an error."""
    parts = line.split(SEPARATOR.encode())
    taken = drawn.lognormvariate(0.0, 0.5)
    parts[Field.DURATION_US] = b"%d" % (taken * 400_000)
    parts[Field.DURATION_MS] = b"%d" % (taken * 400)
    parts[Field.FIRST_BYTE_US] = b"%d" % (taken * 150_000)
    if drawn.random() < 0.005:
        parts[Field.STATUS] = b"500"
    said = parts[Field.ANSWER].split(INNER.encode())
    if len(said) == len(Answer):
        said[Answer.OUTPUT_TOKENS] = b"%d" % drawn.randint(50, 400)
        said[Answer.COST] = b"%.5f" % drawn.lognormvariate(-6.0, 0.4)
        said[Answer.QUALITY] = b"%.3f" % drawn.betavariate(9, 1)
    parts[Field.ANSWER] = INNER.encode().join(said)
    return SEPARATOR.encode().join(parts)


def _offsets(raw: bytes, expected: int) -> np.ndarray:
    mark, found, at = _MARK.to_bytes(8, "little"), [], raw.find(_MARK.to_bytes(8, "little"))
    while at >= 0:
        found.append(at)
        at = raw.find(mark, at + 8)
    if len(found) != expected:
        raise RuntimeError(f"{len(found)} times in a request of {expected} records")
    return np.array(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captured", type=Path, required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    asked = parser.parse_args()
    requests = Requests(pickle.loads(asked.captured.read_bytes()))  # noqa: S301 -- written by the benchmark itself
    sent = 0
    with grpc.insecure_channel(asked.to) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
        grpc.channel_ready_future(channel).result(timeout=10)
        began = time.monotonic()
        waiting = []
        while time.monotonic() - began < asked.seconds:
            now = time.time()
            waiting.append(export.future(requests.next(since=now - 1.0, until=now - 0.9), timeout=30))
            if len(waiting) >= 4:  # as many as Envoy may have under way
                waiting.pop(0).result()
                sent += requests.per_request
        for call in waiting:
            call.result()
            sent += requests.per_request
    print(json.dumps({"sent": sent, "seconds": time.monotonic() - began}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
