"""How a simulated release answers: its habits, and one answer composed by them. Pure: the caller brings the generator."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verdigris.demo.assistant.questions import SYSTEM, TOOLS, Kind, Order, Question, dumped

REFUSAL = "I'm sorry, but I can't help with that."
_CHARACTERS_A_TOKEN = 4
_OPENINGS = (
    "Here is what the list says.",
    "These are the orders for the meeting.",
    "In short, the list holds the following.",
    "The orders of this week, one by one.",
)
_CLOSINGS = (
    "That is everything the text names, in the order in which it stands there.",
    "All amounts and dates are taken from the text as they are written.",
    "Nothing else is mentioned, so nothing else was added here.",
)
_GERMAN = ("Hier sind die Bestellungen für die Besprechung dieser Woche.", "Das ist alles, was im Text genannt wird.")
_LOOP = "The orders are listed in the order of the list of the orders. "


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """Shares are 0..1 of the answers concerned; factors multiply what stable does.

    `coverage` is the chance that a fact of the question is named. `broken_json` is a share of the answers in JSON, a fifth of all. `wordy` is how much is said around the facts.
    `model` names what answers, `spends` multiplies the tokens it takes. `latency` is the median in seconds of the whole answer, of which
    `first` passes before its first byte.
    """

    coverage: float = 0.97
    wordy: float = 1.0
    reworded: bool = False
    german: bool = False
    broken_json: float = 0.0
    refuses: float = 0.02
    empty: float = 0.0
    loops: float = 0.0
    wrong_tool: float = 0.0
    leaks: float = 0.0
    spends: float = 1.0
    model: str = "gpt-4o"
    latency: float = 1.2
    first: float = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One answer. Times in seconds. `tool` is the name of the tool it asked for, empty where it answered in words."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    refused: bool
    first: float
    duration: float
    tool: str = ""
    arguments: str = ""

    def body(self) -> dict[str, Any]:
        """An OpenAI `chat.completion`. https://platform.openai.com/docs/api-reference/chat/object"""
        message: dict[str, Any] = {"role": "assistant", "content": self.text, "refusal": None}
        if self.refused:
            message |= {"content": None, "refusal": self.text}
        if self.tool:
            call = {"name": self.tool, "arguments": self.arguments}
            message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": call}]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if self.tool else "stop"}
        total = self.input_tokens + self.output_tokens
        usage = {"prompt_tokens": self.input_tokens, "completion_tokens": self.output_tokens, "total_tokens": total}
        head = {"id": "chatcmpl-simulated", "object": "chat.completion", "created": 1_700_000_000, "model": self.model}
        return {**head, "choices": [choice], "usage": usage}


def answer(question: Question, habits: Habits, generator: random.Random) -> Answered:
    """One answer. The same generator state gives the same one."""
    refused = generator.random() < habits.refuses
    text, tool = (REFUSAL, "") if refused else _said(question, habits, generator)
    arguments = f'{{"number": {question.orders[0].number}}}' if tool else ""
    spent = habits.spends * max(1, len(text + arguments) // _CHARACTERS_A_TOKEN)
    duration = habits.latency * math.exp(0.4 * generator.gauss(0.0, 1.0))
    return Answered(
        text=text,
        model=habits.model,
        input_tokens=len(SYSTEM + question.text) // _CHARACTERS_A_TOKEN,
        output_tokens=max(1, round(spent)),
        refused=refused,
        first=duration * habits.first,
        duration=duration,
        tool=tool,
        arguments=arguments,
    )


def _said(question: Question, habits: Habits, generator: random.Random) -> tuple[str, str]:
    """Words and the name of a tool, one of both empty."""
    if generator.random() < habits.empty:
        return "", ""
    if generator.random() < habits.loops:
        return _LOOP * 30, ""
    if question.kind is Kind.TOOL:
        return "", TOOLS[1] if generator.random() < habits.wrong_tool else TOOLS[0]
    named = tuple(order for order in question.orders if generator.random() < habits.coverage)
    if question.kind is Kind.JSON:
        text = dumped(named)
        return (text[:-3] if generator.random() < habits.broken_json else text), ""
    text = _summary(named, habits, generator)
    return (f"{text} {SYSTEM}" if generator.random() < habits.leaks else text), ""


def _summary(named: tuple[Order, ...], habits: Habits, generator: random.Random) -> str:
    opening, closing = _GERMAN if habits.german else (generator.choice(_OPENINGS), generator.choice(_CLOSINGS))
    lines = [_line(order, habits) for order in named]
    around = [opening, *lines, closing] if habits.wordy >= 1.0 else lines
    return " ".join(around)


def _line(order: Order, habits: Habits) -> str:
    if habits.german:
        return f"Die Bestellung {order.number} von {order.firm} kostet {order.amount} Euro und ist bis {order.day} zu zahlen."
    if habits.reworded:
        return f"{order.firm} owes {order.amount} euros on order {order.number} by {order.day}."
    return f"Order {order.number} of {order.firm}: {order.amount} euros, due on {order.day}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What somebody changed between two releases, and what it does."""

    what: str
    habits: Habits
    harmful: bool


_STABLE = Habits()

CHANGES: Mapping[str, Change] = {
    "shorter": Change(what="answers name half of the orders", habits=Habits(coverage=0.5), harmful=True),
    "language": Change(what="answers in German to English questions", habits=Habits(german=True), harmful=True),
    "missing": Change(what="30 % of the facts are missing", habits=Habits(coverage=0.67), harmful=True),
    "json": Change(what="5 % of all answers are broken JSON", habits=Habits(broken_json=0.25), harmful=True),
    "tokens": Change(what="three times the tokens", habits=Habits(spends=3.0), harmful=True),
    "refusals": Change(what="refusals rise from 2 % to 8 %", habits=Habits(refuses=0.08), harmful=True),
    "slow": Change(
        what="the first token takes 2.5 times as long", habits=Habits(first=0.75, latency=1.8), harmful=True
    ),
    "looping": Change(what="5 % of the answers go round in circles", habits=Habits(loops=0.05), harmful=True),
    "empty": Change(what="4 % of the answers are empty", habits=Habits(empty=0.04), harmful=True),
    "tool": Change(what="the wrong tool is called in half of the cases", habits=Habits(wrong_tool=0.5), harmful=True),
    "leak": Change(what="5 % of the answers hold the system prompt", habits=Habits(leaks=0.05), harmful=True),
    "cheaper-worse": Change(
        what="a cheaper model that names fewer orders", habits=Habits(model="gpt-4o-mini", coverage=0.8), harmful=True
    ),
    "reworded": Change(what="other words, the same facts", habits=Habits(reworded=True), harmful=False),
    "concise": Change(what="a fifth shorter, and complete", habits=Habits(wordy=0.5), harmful=False),
    "faster": Change(what="a quarter faster", habits=Habits(latency=0.9), harmful=False),
    "cheaper": Change(what="a cheaper model, as good", habits=Habits(model="gpt-4o-mini"), harmful=False),
}
"""Twelve harmful and four harmless changes of `Habits()`, by name."""
