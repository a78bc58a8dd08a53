"""Reads a request of any format: what was asked, under which instruction, and what form the answer shall have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from verdigris.core.model.reading import Format
from verdigris.core.reading.bodies import as_text, undone
from verdigris.core.reading.conversation import asked, names, said, told, turns
from verdigris.core.reading.json_text import parse
from verdigris.core.reading.members import Members, clean, count, members, objects, text, word
from verdigris.core.reading.paths import model_in

OWN_INPUTS = ("input", "prompt", "question", "query", "message", "text")
"""Where a service's own requests are looked into for what was asked; where none of them is a text, it is the whole body."""

_BEDROCK = ("inferenceConfig", "toolConfig", "guardrailConfig", "additionalModelRequestFields")
_RESPONSES = ("instructions", "max_output_tokens", "previous_response_id", "conversation")
_ANTHROPIC_BLOCKS = frozenset({"tool_use", "tool_result", "thinking"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """`input` is the question, or the conversation with who spoke; `system` the instruction. `max_tokens` bounds the answer.

    `tools` are the names of those offered. `problem` says in one sentence why nothing, or not all, could be read.
    """

    format: Format = Format.FIELDS
    input: str = ""
    system: str = ""
    model: str | None = None
    max_tokens: int | None = None
    wants_json: bool = False
    wants_stream: bool = False
    tools: tuple[str, ...] = ()
    problem: str = ""


def read_request(
    *,
    body: bytes,
    content_type: str,
    encoding: str = "",
    path: str = "",
    format: Format | Literal["auto"] = "auto",  # noqa: A002 -- the configuration's word
) -> Asked:
    """Never raises. The path tells formats apart that look alike, and names the model of some."""
    plain = undone(body, encoding)
    written, trouble = as_text(plain.data)
    problem = plain.problem or trouble or ("only the beginning of the request is here" if plain.is_cut else "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        return Asked(problem=problem or "the request is a form")
    parsed = parse(written)
    if not isinstance(parsed.value, dict):
        odd = parsed.problem or "the request is no JSON object"
        return Asked(input=clean(written), problem=problem or ("" if kind.startswith("text/") else odd))
    return _read(parsed.value, path, format, problem or parsed.problem, clean(written))


def _read(body: Members, path: str, format: Format | Literal["auto"], problem: str, written: str) -> Asked:  # noqa: A002 -- as above
    match _recognised(body, path) if format == "auto" else format:
        case Format.OPENAI_CHAT:
            return _openai_chat(body, problem)
        case Format.OPENAI_RESPONSES:
            return _openai_responses(body, problem)
        case Format.ANTHROPIC:
            return _anthropic(body, problem)
        case Format.GEMINI:
            return _gemini(body, path, problem)
        case Format.BEDROCK_CONVERSE:
            return _bedrock(body, path, problem)
        case Format.FIELDS:
            return _own(body, problem, written)


def _recognised(body: Members, path: str) -> Format:
    route = path.partition("?")[0]
    if isinstance(body.get("contents"), list):
        return Format.GEMINI
    if isinstance(body.get("messages"), list):
        return _of_messages(body, route)
    if "input" in body and (route.endswith("/responses") or any(name in body for name in _RESPONSES)):
        return Format.OPENAI_RESPONSES
    if isinstance(body.get("input"), list) and "model" in body:
        return Format.OPENAI_RESPONSES
    return Format.FIELDS


def _of_messages(body: Members, route: str) -> Format:
    if route.endswith("/chat/completions"):
        return Format.OPENAI_CHAT
    if any(name in body for name in _BEDROCK) or route.endswith(("/converse", "/converse-stream")):
        return Format.BEDROCK_CONVERSE
    blocks = [block for message in objects(body["messages"]) for block in objects(message.get("content"))]
    if "model" not in body and blocks and not any("type" in block for block in blocks):
        return Format.BEDROCK_CONVERSE
    kinds = {word(block.get("type")) for block in blocks}
    if route.endswith("/messages") or "system" in body or "anthropic_version" in body or kinds & _ANTHROPIC_BLOCKS:
        return Format.ANTHROPIC
    return Format.OPENAI_CHAT


def _openai_chat(body: Members, problem: str) -> Asked:
    spoken = turns(body.get("messages"))
    most = count(body.get("max_completion_tokens"))
    return Asked(
        format=Format.OPENAI_CHAT,
        input=asked(spoken),
        system=told(spoken),
        model=word(body.get("model")),
        max_tokens=most if most is not None else count(body.get("max_tokens")),
        wants_json=_is_json(body.get("response_format")),
        wants_stream=body.get("stream") is True,
        tools=names(body.get("tools"), "function", "custom"),
        problem=problem,
    )


def _openai_responses(body: Members, problem: str) -> Asked:
    given = body.get("input")
    spoken = [("user", text(given))] if isinstance(given, str) else turns(_messages_of(given))
    instructions = text(body.get("instructions"))
    return Asked(
        format=Format.OPENAI_RESPONSES,
        input=asked(spoken),
        system=told([("system", instructions), *spoken]),
        model=word(body.get("model")),
        max_tokens=count(body.get("max_output_tokens")),
        wants_json=_is_json(members(body.get("text")).get("format")),
        wants_stream=body.get("stream") is True,
        tools=names(body.get("tools")),
        problem=problem,
    )


def _messages_of(items: object) -> list[Members]:
    """Input items are messages, or what tools gave and models asked of them."""
    found: list[Members] = []
    for item in objects(items):
        kind = word(item.get("type"))
        if kind == "function_call":
            found.append({"role": "assistant", "tool_calls": [{"function": item}]})
        elif kind in ("function_call_output", "custom_tool_call_output"):
            found.append({"role": "tool", "content": item.get("output")})
        elif kind in (None, "message"):
            found.append(item)
    return found


def _anthropic(body: Members, problem: str) -> Asked:
    spoken = turns(body.get("messages"))
    form = members(body.get("output_config")).get("format") or body.get("output_format")
    return Asked(
        format=Format.ANTHROPIC,
        input=asked(spoken),
        system=told([("system", said(body.get("system"))), *spoken]),
        model=word(body.get("model")),
        max_tokens=count(body.get("max_tokens")),
        wants_json=_is_json(form),
        wants_stream=body.get("stream") is True,
        tools=names(body.get("tools")),
        problem=problem,
    )


def _gemini(body: Members, path: str, problem: str) -> Asked:
    config = members(body.get("generationConfig"))
    system = said(members(body.get("systemInstruction") or body.get("system_instruction")).get("parts"))
    declared = [one for tool in objects(body.get("tools")) for one in objects(tool.get("functionDeclarations"))]
    schemas = ("responseSchema", "responseJsonSchema", "_responseJsonSchema")
    return Asked(
        format=Format.GEMINI,
        input=asked(turns(body.get("contents"), content="parts")),
        system=clean(system),
        model=model_in(path),
        max_tokens=count(config.get("maxOutputTokens")),
        wants_json=config.get("responseMimeType") == "application/json" or any(name in config for name in schemas),
        wants_stream=":streamGenerateContent" in unquote(path),
        tools=names(declared),
        problem=problem,
    )


def _bedrock(body: Members, path: str, problem: str) -> Asked:
    return Asked(
        format=Format.BEDROCK_CONVERSE,
        input=asked(turns(body.get("messages"))),
        system=clean(said(body.get("system"))),
        model=model_in(path),
        max_tokens=count(members(body.get("inferenceConfig")).get("maxTokens")),
        wants_json=_is_json(members(body.get("outputConfig")).get("textFormat")),
        wants_stream=path.partition("?")[0].endswith("/converse-stream"),
        tools=names(members(body.get("toolConfig")).get("tools"), "toolSpec", "systemTool"),
        problem=problem,
    )


def _own(body: Members, problem: str, written: str) -> Asked:
    spoken = next((body[name] for name in OWN_INPUTS if isinstance(body.get(name), str)), None)
    return Asked(
        input=written if spoken is None else clean(text(spoken)),
        system=clean(text(body.get("system"))),
        model=word(body.get("model")),
        max_tokens=count(body.get("max_tokens")),
        wants_stream=body.get("stream") is True,
        problem=problem,
    )


def _is_json(form: object) -> bool:
    return word(members(form).get("type")) in ("json_object", "json_schema")
