"""A tiny HTTP endpoint for tests of what asks one: it remembers what it was sent, and answers as it is told."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(kw_only=True)
class Answering:
    """`answer` gives the body for a request, which bytes leave as they are; `status` and `headers` stand beside it."""

    answer: Callable[[Asked], Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = Asked(path=scope["path"], headers=headers, body=json.loads(body))
        self.asked.append(asked)
        said = self.answer(asked)
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        told = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": told})
        await send({"type": "http.response.body", "body": raw})
