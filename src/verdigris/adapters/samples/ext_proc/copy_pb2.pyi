# By hand: what the source reads, and of the many methods of protobuf the few it calls.

from collections.abc import Sequence
from typing import Literal, Self

class Header:
    def __init__(self, *, key: bytes = ..., value: bytes = ..., raw_value: bytes = ...) -> None: ...
    key: bytes
    value: bytes
    raw_value: bytes

class Headers:
    def __init__(self, *, headers: Sequence[Header] = ...) -> None: ...
    headers: Sequence[Header]

class Head:
    def __init__(self, *, headers: Headers = ..., end_of_stream: bool = ...) -> None: ...
    headers: Headers
    end_of_stream: bool

class Body:
    def __init__(self, *, body: bytes = ..., end_of_stream: bool = ...) -> None: ...
    body: bytes
    end_of_stream: bool

class Trailers: ...

class Part:
    def __init__(
        self,
        *,
        request_headers: Head = ...,
        response_headers: Head = ...,
        request_body: Body = ...,
        response_body: Body = ...,
        response_trailers: Trailers = ...,
    ) -> None: ...
    request_headers: Head
    response_headers: Head
    request_body: Body
    response_body: Body
    response_trailers: Trailers
    @classmethod
    def FromString(cls, message: bytes) -> Self: ...  # noqa: N802 -- protobuf's name
    def SerializeToString(self) -> bytes: ...  # noqa: N802 -- protobuf's name
    def WhichOneof(  # noqa: N802 -- protobuf's name
        self, oneof: Literal["part"]
    ) -> (
        Literal["request_headers", "response_headers", "request_body", "response_body", "response_trailers"] | None
    ): ...
