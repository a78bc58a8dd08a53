"""The bodies a simulated AI app sends: its own JSON and OpenAI's Chat Completions, whole and streamed.

Format: https://platform.openai.com/docs/api-reference/chat. `_cost` and `_qualityScore` stand beside OpenAI's own
members, as in a service that wraps a model and grades its answers. A refusal is not graded.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from verdigris.demo.behaviour import Fate

REFUSAL = "I'm sorry, but I can't help with that."
_TOKENS_A_SENTENCE = 12
_PIECES = 6  # a stream's chunks of text: enough to be a stream, few enough to be cheap
_CAREFUL = (
    "Revenue rose in the second quarter, mostly from renewals in the north. ",
    "Two suppliers changed their terms, and the contract names both dates. ",
    "The board asked for a second audit before the new plant opens. ",
    "Costs fell because the old line was closed in March as planned. ",
)
_VAGUE = (
    "There are several points about revenue that may be of some interest here. ",
    "Some things have changed and it could be good to look at them again. ",
    "The document talks about a number of topics in a fairly general way. ",
    "Overall the situation seems to be more or less as it was before this. ",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer, ready to be written in any of the formats. `number` makes its id unique within an instance."""

    fate: Fate
    number: int
    created: int
    model: str
    prompt_tokens: int

    @property
    def text(self) -> str:
        """Simulated words: the better the answer, the more of them say something."""
        words = random.Random(self.fate.seed)
        count = max(1, round(self.fate.output_tokens / _TOKENS_A_SENTENCE))
        pools = (_CAREFUL if words.random() < self.fate.quality * self.fate.substance else _VAGUE for _ in range(count))
        return "".join(words.choice(pool) for pool in pools).strip()

    @property
    def reported(self) -> dict[str, float]:
        cost = {"_cost": round(self.fate.cost, 8)}
        return cost if self.fate.refused else {**cost, "_qualityScore": round(self.fate.quality, 4)}

    @property
    def usage(self) -> dict[str, int]:
        completion = self.fate.output_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        }

    def process(self) -> bytes:
        """The service's own JSON: `output`, `_cost`, `_qualityScore`."""
        return _json({"output": REFUSAL if self.fate.refused else self.text, **self.reported})

    def completion(self) -> bytes:
        """A whole `chat.completion`."""
        refused = self.fate.refused
        message = {
            "role": "assistant",
            "content": None if refused else self.text,
            "refusal": REFUSAL if refused else None,
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return _json({**self._head("chat.completion"), "choices": [choice], "usage": self.usage, **self.reported})

    def chunks(self, *, include_usage: bool) -> Iterator[bytes]:
        """The `chat.completion.chunk` events of a stream, `[DONE]` last."""
        member = "refusal" if self.fate.refused else "content"
        head = self._head("chat.completion.chunk")
        empty = {"usage": None} if include_usage else {}  # OpenAI's own streams announce the usage to come so
        deltas = [{"role": "assistant", member: ""}]
        deltas += [{member: piece} for piece in _pieces(REFUSAL if self.fate.refused else self.text)]
        for delta in deltas:
            yield _event({**head, "choices": [_choice(delta)], **empty})
        yield _event({**head, "choices": [_choice({}, finish="stop")], **empty})
        if include_usage:
            yield _event({**head, "choices": [], "usage": self.usage, **self.reported})
        yield b"data: [DONE]\n\n"

    def _head(self, kind: str) -> dict[str, object]:
        return {"id": f"chatcmpl-sim-{self.number}", "object": kind, "created": self.created, "model": self.model}


def problem(message: str, *, kind: str) -> bytes:
    """An error in OpenAI's shape."""
    return _json({"error": {"message": message, "type": kind, "param": None, "code": None}})


def _choice(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    size = -(-len(words) // _PIECES)
    runs = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
    return [run if index == 0 else " " + run for index, run in enumerate(runs)]


def _event(value: object) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
