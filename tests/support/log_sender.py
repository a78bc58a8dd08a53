"""A process that sends its part of an access log over gRPC, as one of several Envoys would.

`log_sender.py ADDRESS BEGIN PART OF COUNT FLUSH` sends each line of `lines(BEGIN, COUNT)` whose number is PART modulo OF:
every FLUSH seconds those that have ended by then. BEGIN is a unix time.
"""

import random
import sys
import threading
import time

import grpc

from support.log_lines import answer, line
from verdigris.adapters.sources.access_log.export_pb2 import Export

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
SPACING = 0.002


def records(begin: float, count: int) -> list[tuple[float, dict[str, object]]]:
    """When each request ended, and its log record: half of them green's, whose quality is lower."""
    draw = random.Random(5)
    made = []
    for number in range(count):
        side = draw.choice(["blue", "green"])
        quality = draw.betavariate(8, 2) * (0.6 if side == "green" else 1.0)
        end = begin + number * SPACING
        text = line(
            ENVIRONMENT=side,
            DURATION_US="1000",
            FIRST_BYTE_US="500",
            REQUEST_BYTES=str(number),
            ANSWER=answer(QUALITY=f"{quality:.6f}"),
        )
        made.append((end, {"time_unix_nano": round((end - 0.001) * 1e9), "body": {"string_value": text}}))
    return made


def message(part: list[dict[str, object]]) -> bytes:
    return Export(resource_logs=[{"scope_logs": [{"log_records": part}]}]).SerializeToString()


def main() -> None:
    address, begin, part, of, count, flush = sys.argv[1:]
    mine = records(float(begin), int(count))[int(part) :: int(of)]
    sent, pause = 0, threading.Event()
    with grpc.insecure_channel(f"unix:{address}") as channel:
        send = channel.unary_unary(EXPORT)
        while sent < len(mine):
            pause.wait(float(flush))
            now = time.time()
            due = [record for end, record in mine[sent:] if end <= now]
            if due:
                send(message(due), timeout=30)
                sent += len(due)


if __name__ == "__main__":
    main()
