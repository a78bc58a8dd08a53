"""A Draft: what has been read of an answer so far, event by event. And the Reader, which each format is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from verdigris.core.model.reading import Format, ToolCall, Usage
from verdigris.core.reading.members import Members, clean, count, word
from verdigris.core.reading.partial import PartialArguments

MOST_TOOL_CALLS = 256


@dataclass(slots=True)
class _Tool:
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    partial: PartialArguments | None = None

    @property
    def arguments(self) -> str:
        return clean("".join(self.pieces) if self.partial is None else self.partial.text())


@dataclass(slots=True)
class Draft:
    """Later words replace earlier ones, and nothing erases what was known. Texts and tool arguments grow.

    `sealed`: the format's own last word was seen, so nothing can be missing. `ended`: a finish reason was seen, which is
    the end only if the transport says so too. `failed`: the provider broke the answer off; `errored`: it gave none.
    """

    texts: list[str] = field(default_factory=list)
    refusal_texts: list[str] = field(default_factory=list)
    model: str | None = None
    fingerprint: str | None = None
    finish_reason: str | None = None
    refusal_kind: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    tools: dict[Hashable, _Tool] = field(default_factory=dict)
    sealed: bool = False
    ended: bool = False
    failed: bool = False
    errored: bool = False
    problem: str = ""

    def add(self, piece: str) -> None:
        if piece:
            self.texts.append(piece)

    def note_model(self, value: Any) -> None:
        self.model = word(value) or self.model

    def note_fingerprint(self, value: Any) -> None:
        self.fingerprint = word(value) or self.fingerprint

    def finish(self, value: Any) -> None:
        reason = word(value)
        if reason is not None:
            self.finish_reason, self.ended = reason, True

    def refuse(self, kind: str, said: str = "") -> None:
        """The first kind named stays: a filter's word comes after the reason for it."""
        self.refusal_kind = self.refusal_kind or kind
        if said:
            self.refusal_texts.append(said)

    def tally(self, source: Any, names: Mapping[str, tuple[str, ...]]) -> None:
        """Takes the counts of `source`, an object: our name -> where it stands."""
        if source is not None and not isinstance(source, dict):
            self.trouble("the usage is no object")
        for name, path in names.items():
            value: Any = source
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                self._count(name, value)

    def _count(self, name: str, value: Any) -> None:
        known = count(value)
        if known is None:
            self.trouble("a count of tokens is no whole number")
        else:
            self.counts[name] = known

    def tool(self, key: Hashable, *, name: Any = None, piece: str = "", whole: str | None = None) -> None:
        """A tool call, or a piece of its arguments; `whole` replaces all pieces."""
        if key not in self.tools and len(self.tools) >= MOST_TOOL_CALLS:
            return self.trouble(f"more than {MOST_TOOL_CALLS} tool calls")
        call = self.tools.setdefault(key, _Tool())
        call.name = word(name) or call.name
        if whole is not None:
            call.pieces = [whole]
        elif piece:
            call.pieces.append(piece)
        return None

    def tool_member(self, key: Hashable, piece: Members) -> None:
        """One member of a tool's arguments, or a piece of it."""
        call = self.tools.get(key)
        if call is None:
            return
        call.partial = call.partial or PartialArguments()
        if not call.partial.take(piece):
            self.trouble("a piece of a tool's arguments cannot be placed")

    def trouble(self, problem: str) -> None:
        """Keeps the first."""
        self.problem = self.problem or problem

    def fail(self) -> None:
        self.failed = True
        self.trouble("the provider reported an error instead of the rest of the answer")

    def error(self) -> None:
        self.errored = True
        self.trouble("the provider answered with an error")

    @property
    def text(self) -> str:
        """What was said, or else the words of the refusal."""
        return clean("".join(self.texts) or "".join(self.refusal_texts))

    @property
    def refusal(self) -> bool | None:
        """False only where the answer ended."""
        if self.refusal_kind:
            return True
        return False if (self.ended or self.sealed) and not (self.failed or self.errored) else None

    def calls(self) -> tuple[ToolCall, ...]:
        """Those with a name, in the order they began."""
        return tuple(ToolCall(name=call.name, arguments=call.arguments) for call in self.tools.values() if call.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """One format. `knows` tells an answer or an event of it by its members; `answer` reads a whole one, `event` one of a stream.

    `usage` makes totals of the counts, which stand under our names as the provider counts them.
    """

    format: Format
    knows: Callable[[Members], bool]
    answer: Callable[[Members, Draft], None]
    event: Callable[[Members, Draft], None]
    usage: Callable[[Mapping[str, int]], Usage]


def plain_usage(counts: Mapping[str, int]) -> Usage:
    """For providers whose input and output already count everything."""
    return Usage(
        input=counts.get("input"),
        output=counts.get("output"),
        cache_read=counts.get("cache_read"),
        cache_write=counts.get("cache_write"),
        reasoning=counts.get("reasoning"),
    )


def usage_beside_caches(counts: Mapping[str, int]) -> Usage:
    """For providers whose input leaves out what was read from and written to a cache."""
    fresh = counts.get("input")
    if fresh is None:
        return plain_usage(counts)
    return plain_usage({**counts, "input": fresh + counts.get("cache_read", 0) + counts.get("cache_write", 0)})
