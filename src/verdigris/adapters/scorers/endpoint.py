"""A model behind an OpenAI- or Anthropic-compatible address, asked for one answer.

Formats: https://platform.openai.com/docs/api-reference/chat and https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from verdigris.adapters.scorers.post import NoAnswer, Post, bearer
from verdigris.core.model.reading import Format, Usage
from verdigris.core.reading.answer import read_answer

__all__ = ["Endpoint", "NoAnswer", "Said"]

_LARGEST = 1 << 20  # bytes of an answer


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
    _post: Post = field(
        default_factory=lambda: Post(of="the model", largest=_LARGEST), init=False, repr=False, compare=False
    )

    async def ask(self, instruction: str, text: str, *, max_tokens: int) -> Said:
        """One answer, as cold as the model can be. Raises: NoAnswer."""
        path, body = self._request(instruction, text, max_tokens)
        answered = await self._post.ask(self.url.rstrip("/") + path, body, self._headers())
        reading = read_answer(
            body=answered.body,
            content_type=answered.content_type,
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
        if self.api == "openai":
            return bearer(self.key_env)
        key = os.environ.get(self.key_env, "") if self.key_env else ""
        return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})

    async def close(self) -> None:
        await self._post.close()
