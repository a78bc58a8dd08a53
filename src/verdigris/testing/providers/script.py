"""What a fake provider answers: said once, in our words, and played in every provider's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from verdigris.core.model.reading import ToolCall

BEGAN = 1_760_000_000
"""The unix time at which every fake answer was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scripted:
    """One answer. Tokens are totals as in `Usage`; each provider's way of counting is worked out from them.

    - `tool_calls` follow the text. `thoughts` is shown where the provider shows it; `reasoning` tokens are part of `output`.
    - `refusal`: the model refuses with these words; `category` is Anthropic's. `filtered`: a filter stopped the prompt or the answer.
    - `at_limit`: the answer ends because it reached its most tokens.
    - `usage`: `usual` is where the provider puts it; `absent` nowhere (OpenAI and Gemini; the others always tell). Of OpenAI Chat streams only: `every` in every chunk, `last_choice` in
      the chunk with the finish reason, `inside` the choice.
    - `pieces` of text a stream has. `aborts_after` events the connection breaks; `fails_after` events the provider reports an error.
    - `first_after` seconds pass before a stream's first event, `each_after` before each other one.
    - `gzip` compresses, if the client takes it. `status` other than 200 is an error in the provider's shape.
    - `extra` members stand at the top of the answer, or at the top of an event of its stream.
    - `model` answers in place of the one that was asked.
    """

    text: str = "Hello there, how can I help?"
    tool_calls: tuple[ToolCall, ...] = ()
    thoughts: str = ""
    refusal: str = ""
    category: Literal["", "cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"] = ""
    filtered: Literal["", "prompt", "answer"] = ""
    at_limit: bool = False
    input: int = 20
    output: int = 8
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    usage: Literal["usual", "absent", "every", "last_choice", "inside"] = "usual"
    pieces: int = 3
    aborts_after: int | None = None
    fails_after: int | None = None
    first_after: float = 0.0
    each_after: float = 0.0
    gzip: bool = False
    status: int = 200
    extra: Mapping[str, Any] | None = None
    model: str = ""
    fingerprint: str | None = "fp_fake"

    @property
    def fresh(self) -> int:
        """Input tokens that were neither read from nor written to a cache."""
        return self.input - self.cache_read - self.cache_write

    @property
    def is_withheld(self) -> bool:
        """Nothing of the text comes."""
        return bool(self.refusal or self.filtered)


def cut(text: str, pieces: int) -> list[str]:
    """`text` in at most `pieces` pieces of about one length; none of an empty one."""
    size = max(1, -(-len(text) // max(1, pieces)))
    return [text[at : at + size] for at in range(0, len(text), size)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """One request as it arrived. Header names are in small letters; `path` is as sent, with its query; `number` counts from 1."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def route(self) -> str:
        return self.path.partition("?")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with a request, or with the provider. `where` names the member, `kind` is the provider's word where it needs one."""

    status: int
    message: str
    where: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A whole answer."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] | None = None
