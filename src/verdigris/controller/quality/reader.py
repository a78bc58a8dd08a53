"""From an Exchange to a Sample: read, then redacted. What is not redacted leaves this file only in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from verdigris.core.model.reading import Reading, ToolCall
from verdigris.core.model.sample import Exchange, Sample
from verdigris.core.model.service import Service, Telemetry
from verdigris.core.reading.answer import read_answer
from verdigris.core.reading.request import Asked, read_request

Redact = Callable[[str], tuple[str, int]]
"""A text without what must not be kept, and how many places were taken out of it."""

PROMPTS = ("system_prompt", "prompt")
"""Where a release's configuration tells the instruction that the model is given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A sample, and what a second request like it is priced by: the model and bound it asks for, its `size` in bytes."""

    sample: Sample
    model: str | None = None
    max_tokens: int | None = None
    size: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Reads in a thread of its own, one at a time: however much is sampled, at most one thread is busy with it."""

    telemetry: Telemetry
    redact: Redact
    prompts: Mapping[str, str] = field(default_factory=dict)
    _thread: list[ThreadPoolExecutor] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, service: Service, redact: Redact) -> Reader:
        prompts = {
            environment.name: prompt
            for environment in service.environments
            for prompt in [_prompt(dict(environment.release.config))]
            if prompt
        }
        return cls(telemetry=service.telemetry, redact=redact, prompts=prompts)

    async def take(self, exchange: Exchange) -> Taken:
        if not self._thread:
            self._thread.append(ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading"))
        return await asyncio.get_running_loop().run_in_executor(self._thread[0], self.read, exchange)

    def close(self) -> None:
        while self._thread:
            self._thread.pop().shutdown(wait=False, cancel_futures=True)

    def read(self, exchange: Exchange) -> Taken:
        """Takes milliseconds for a few hundred kilobytes."""
        asked = read_request(
            body=exchange.request_body,
            content_type=exchange.request_headers.get("content-type", ""),
            encoding=exchange.request_headers.get("content-encoding", ""),
            path=exchange.path,
            format=self.telemetry.format,
        )
        reading = read_answer(
            body=exchange.response_body,
            content_type=exchange.response_headers.get("content-type", ""),
            encoding=exchange.response_headers.get("content-encoding", ""),
            path=exchange.path,
            format=self.telemetry.format,
            fields=self.telemetry.fields,
            is_whole=exchange.is_whole,
            cut=exchange.cut,
        )
        return Taken(
            sample=self._sample(exchange, asked, reading),
            model=asked.model,
            max_tokens=asked.max_tokens,
            size=len(exchange.request_body),
        )

    def _sample(self, exchange: Exchange, asked: Asked, reading: Reading) -> Sample:
        eraser = _Eraser(self.redact)
        output = eraser.clean(reading.text)
        calls = tuple(
            ToolCall(name=eraser.clean(call.name), arguments=eraser.clean(call.arguments))
            for call in reading.tool_calls
        )
        return Sample(
            id=exchange.id,
            at=exchange.at,
            began=exchange.began,
            environment=exchange.environment,
            release=exchange.release,
            route=eraser.route(exchange.route),
            input=eraser.clean(asked.input),
            system=eraser.clean(asked.system or self.prompts.get(exchange.environment, "")),
            output=output,
            status=exchange.status,
            duration=max(0.0, exchange.at - exchange.began),
            reading=replace(
                reading,
                text=output,
                tool_calls=calls,
                finish_reason=eraser.optional(reading.finish_reason),
                refusal_kind=eraser.clean(reading.refusal_kind),
            ),
            wants_json=asked.wants_json,
            redacted=eraser.count,
            unit=exchange.unit,
            stratum=exchange.stratum,
        )


@dataclass(slots=True)
class _Eraser:
    redact: Redact
    count: int = 0

    def clean(self, text: str) -> str:
        cleaned, found = self.redact(text)
        self.count += found
        return cleaned

    def route(self, path: str) -> str:
        """As it was written, unless something of what it says is taken out."""
        plain, found = self.redact(unquote(path))
        self.count += found
        return plain if found else path

    def optional(self, text: str | None) -> str | None:
        return None if text is None else self.clean(text)


def _prompt(config: Mapping[str, str]) -> str:
    return next((config[name] for name in PROMPTS if config.get(name)), "")
