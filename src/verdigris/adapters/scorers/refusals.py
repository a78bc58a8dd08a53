"""Refusals in layers: the provider's word, the reason why the answer ended, then a short answer that says so at once.

The last layer reads only the first sentence of a short answer, and asks for somebody who cannot or will not: so "this is not
legal advice" and "use POST, you cannot use GET here" are none.
"""

# ruff: noqa: RUF001 -- these are the letters that people write

from __future__ import annotations

import re

from verdigris.core.model.reading import Reading

FILTERED = frozenset(
    {
        *("content_filter", "refusal", "safety", "prohibited_content", "blocklist", "spii", "recitation"),
        *("guardrail_intervened", "content_filtered", "image_safety"),
    }
)
"""Reasons of an end, in small letters, that are refusals. Of the providers' own documentation."""

_SHORT = 600  # characters
_FIRST = re.compile(r"^(.{0,300}?[.!?。！？\n]|.{0,300})", re.DOTALL)
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "´": "'"})
_SAYS_SO = tuple(
    re.compile(pattern)
    for pattern in (
        # English
        r"\bi(?:'m| am)? (?:am |'m )?(?:really |very |so )?(?:sorry|afraid)\b.{0,60}\b(?:can't|cannot|can not|won't|unable|not able|not allowed|not permitted)\b",
        r"^(?:sorry|apologies|unfortunately|my apologies)\b.{0,40}\bi\b.{0,20}\b(?:can't|cannot|won't|am unable|am not able|'m unable|'m not able)\b",
        r"^(?:[a-z ,]{0,30}[,;] )?i (?:can't|cannot|can not|won't|will not|must decline to|am unable to|am not able to|'m unable to) (?:help|assist|comply|provide|do that|fulfill|fulfil|answer|discuss|share|support|engage|create|write|generate|continue|give)\b",
        r"\bi'm (?:unable|not able|not allowed) to (?:help|assist|comply|provide|do|fulfill|fulfil|answer|discuss|share|create|write|generate|give)\b",
        r"^as an ai\b.{0,80}\b(?:can't|cannot|unable|not able)\b",
        # German, French, Spanish, Italian, Portuguese, Dutch
        r"\b(?:tut mir leid|entschuldigung|leider)\b.{0,60}\b(?:kann|darf|werde) (?:ich )?.{0,40}\bnicht\b",
        r"\bich (?:kann|darf|werde) (?:dir|ihnen|dabei|damit|das|diese|diesen|hier)?.{0,30}\bnicht (?:helfen|beantworten|unterstützen|weiterhelfen|erfüllen)\b",
        r"\bje (?:suis )?(?:désolé|désolée|regrette)\b.{0,60}\bne (?:peux|puis)\b",
        r"\bje ne (?:peux|puis) pas (?:vous aider|t'aider|répondre|fournir|aider)\b",
        r"\b(?:lo siento|lo lamento|disculpa)\b.{0,40}\bno puedo\b",
        r"\bno puedo (?:ayudarte|ayudarle|ayudar|responder|proporcionar)\b",
        r"\bmi dispiace\b.{0,40}\bnon posso\b",
        r"\b(?:desculpe|sinto muito|lamento)\b.{0,40}\bnão posso\b",
        r"\b(?:het spijt me|sorry)\b.{0,40}\bkan ik\b.{0,30}\bniet\b",
        # Polish, Russian, Turkish
        r"\bprzepraszam\b.{0,40}\bnie mogę\b",
        r"(?:извините|к сожалению|простите).{0,40}не могу",
        r"\büzgünüm\b.{0,80}(?:yardımcı olamam|yapamam|edemem)",
        # Chinese, Japanese, Korean
        r"(?:抱歉|对不起|對不起).{0,30}(?:无法|不能|無法)",
        r"申し訳.{0,30}(?:できません|お答えできません|いたしかねます)",
        r"죄송.{0,40}(?:없습니다|어렵습니다)",
    )
)


def refusal_of(reading: Reading) -> tuple[bool | None, str]:
    """Whether an answer is a refusal, None where nothing tells, and which layer said so."""
    if reading.refusal:
        return True, reading.refusal_kind or "provider"
    if (reading.finish_reason or "").lower() in FILTERED:
        return True, (reading.finish_reason or "").lower()
    if says_so(reading.text) and not reading.tool_calls:
        return True, "text"
    if reading.text or reading.tool_calls or reading.refusal is False:
        return False, ""
    return None, ""


def says_so(text: str) -> bool:
    """Whether a short answer refuses in its first sentence."""
    text = text.strip().translate(_APOSTROPHES)
    if not text or len(text) > _SHORT:
        return False
    found = _FIRST.match(text.lower())
    return found is not None and any(pattern.search(found[0]) for pattern in _SAYS_SO)
