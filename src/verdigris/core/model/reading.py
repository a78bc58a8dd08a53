"""A Reading: what one answer of a model says of itself, whatever the provider's format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """The shapes of answers that are understood. `FIELDS` is the service's own JSON."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    BEDROCK_CONVERSE = "bedrock-converse"
    FIELDS = "fields"


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one answer; `None` means unknown, never zero.

    `input` counts all input tokens, those read from and written to a cache included; `output` counts all output tokens,
    those of reasoning included. `cache_read`, `cache_write` and `reasoning` are parts of them. `partial` marks numbers of
    an answer that broke off: lower bounds.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    partial: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A tool the model asked for; `arguments` is JSON as the model wrote it, which may not be well-formed."""

    name: str
    arguments: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One answer, read.

    `text` is what the user sees, of the first choice. `finish_reason` is the provider's own word. `refusal` is the provider's
    word on a refusal: True, False where the answer ended without one, None where it says nothing; `refusal_kind` names it
    (`refusal`, `content_filter`, `safety`, `guardrail`, the provider's category). `is_complete` is False when the answer broke
    off or was cut before its end. `cost` (USD) and `quality` (0..1) are what the service's own fields report.
    `problem` says in one sentence why nothing, or not all, could be read; it never quotes the answer.
    """

    format: Format
    text: str = ""
    model: str | None = None
    fingerprint: str | None = None
    usage: Usage = Usage()
    finish_reason: str | None = None
    refusal: bool | None = None
    refusal_kind: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    cost: float | None = None
    quality: float | None = None
    is_complete: bool = True
    is_stream: bool = False
    problem: str = ""
