# By hand: what the source reads, and FromString alone of the many methods of protobuf.

from collections.abc import Sequence
from typing import Self

class Body:
    string_value: bytes

class Record:
    time_unix_nano: int
    body: Body

class ByScope:
    log_records: Sequence[Record]

class ByResource:
    scope_logs: Sequence[ByScope]

class Export:
    resource_logs: Sequence[ByResource]
    @classmethod
    def FromString(cls, message: bytes) -> Self: ...  # noqa: N802 -- protobuf's name
