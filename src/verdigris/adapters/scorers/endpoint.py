"""A model behind an OpenAI- or Anthropic-compatible address, asked for one answer.

Formats: https://platform.openai.com/docs/api-reference/chat and https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2

from verdigris.core.model.reading import Format, Usage
from verdigris.core.model.score import Trouble
from verdigris.core.reading.answer import read_answer

_LARGEST = 1 << 20  # bytes of an answer
_LONGEST_WAIT = 60.0  # seconds that a Retry-After may ask for


class NoAnswer(Exception):
    """`reason` holds nothing of what was asked or answered, and no key."""

    def __init__(self, trouble: Trouble, reason: str, *, again_after: float | None = None) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason
        self.again_after = again_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    text: str
    usage: Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """`url` is the base that the vendor's SDK takes. The key is read from the environment at each call, and kept nowhere."""

    url: str
    api: Literal["openai", "anthropic"]
    model: str
    key_env: str
    _clients: list[httpx2.AsyncClient] = field(default_factory=list, init=False, repr=False, compare=False)

    async def ask(self, instruction: str, text: str, *, max_tokens: int) -> Said:
        """One answer, as cold as the model can be. Raises: NoAnswer."""
        path, body = self._request(instruction, text, max_tokens)
        try:
            reply = await self._client().post(self.url.rstrip("/") + path, json=body, headers=self._headers())
        except httpx2.TimeoutException as error:
            raise NoAnswer(Trouble.TIMEOUT, "the model did not answer in time") from error
        except httpx2.HTTPError as error:
            raise NoAnswer(Trouble.UNREACHABLE, f"the model cannot be reached: {type(error).__name__}") from error
        if reply.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            again = _seconds(reply.headers.get("retry-after"))
            raise NoAnswer(Trouble.THROTTLED, "the model answers HTTP 429", again_after=again)
        if reply.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise NoAnswer(Trouble.UNREACHABLE, f"the model answers HTTP {reply.status_code}")
        if reply.status_code != httpx2.codes.OK:
            raise NoAnswer(Trouble.REFUSED, f"the model answers HTTP {reply.status_code}")
        reading = read_answer(
            body=reply.content[:_LARGEST],
            content_type=reply.headers.get("content-type", ""),
            format=Format.ANTHROPIC if self.api == "anthropic" else Format.OPENAI_CHAT,
        )
        return Said(text=reading.text, usage=reading.usage)

    def _request(self, instruction: str, text: str, max_tokens: int) -> tuple[str, Mapping[str, Any]]:
        asked = {"model": self.model, "max_tokens": max_tokens, "temperature": 0}
        user = {"role": "user", "content": text}
        if self.api == "anthropic":
            return "/v1/messages", {**asked, "system": instruction, "messages": [user]}
        return "/chat/completions", {**asked, "messages": [{"role": "system", "content": instruction}, user]}

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self.key_env, "") if self.key_env else ""
        if self.api == "anthropic":
            return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})
        return {"authorization": f"Bearer {key}"} if key else {}

    def _client(self) -> httpx2.AsyncClient:
        if not self._clients:
            self._clients.append(httpx2.AsyncClient(timeout=httpx2.Timeout(600.0, connect=10.0), trust_env=False))
        return self._clients[0]

    async def close(self) -> None:
        while self._clients:
            await self._clients.pop().aclose()


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After header, in its form of seconds (RFC 9110, section 10.2.3)."""
    try:
        return min(max(0.0, float(text)), _LONGEST_WAIT) if text is not None else None
    except ValueError:
        return None
