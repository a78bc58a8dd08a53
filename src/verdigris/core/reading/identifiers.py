r"""Finds in a text what names a person or an account: email addresses, phone numbers, payment cards, IBANs.

All patterns take linear time, whatever the text: where one may begin is told by what stands before it, and each is bounded, or
takes all that it can and never gives back.
A match may begin after an escape of JSON (`\n`, `\u00e9`), which people's texts in JSON are full of, and after the backslash that
Markdown puts before signs. Models write blanks and dashes that do not break, and Chinese, Japanese and Thai no blanks at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

Span = tuple[int, int]
"""Where it begins, and where what follows it does."""

_GAP = r" \-\u00a0\u2000-\u200a\u202f\u205f\u3000\u2010-\u2015\u2212\uff0d"  # blanks and dashes, in a class
# Letters of scripts without blanks between words; their digits are not among them.
_UNSPACED = (
    r"\u0e00-\u0e4f\u0e80-\u0ecf\u1000-\u103f\u1050-\u108f\u1780-\u17df\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
    r"\U00020000-\U0003ffff"
)
_OF_WORD = rf"[^\W_{_UNSPACED}]"  # what a number does not touch: a letter or digit
_ESCAPE = r"(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})"
_NO_ESCAPE = r"(?!(?<=\\)(?:[nrtbf]|u[0-9a-fA-F]{4}))"
_BEGIN = rf"{_NO_ESCAPE}(?:(?<!{_OF_WORD})|{_ESCAPE})"
_NO_FRACTION = r"(?<!\d[.,])"
_ENDS = rf"(?!{_OF_WORD}|\.\d)"

# RFC 5322's plain form: the whole run of letters before the @ is looked at once, from its first. In addresses of pages it is %40.
_LOCAL = r"\w.%+-"
_EMAIL = re.compile(
    rf"{_NO_ESCAPE}(?!(?<=[{_LOCAL}]\\)[_.+-])(?:(?<![{_LOCAL}])|{_ESCAPE})(?:(?!%40)[{_LOCAL}]|\\[_.+-])++"
    r"\\?(?:[@\uff20]|%40)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}"
)
_AT = re.compile(r"[@\uff20]|%40")
# ISO 13616: country, two check digits, 11 to 30 letters and digits. Looked at ahead, since what follows may be words.
_IBAN = re.compile(rf"{_BEGIN}(?=([A-Za-z]{{2}}\d{{2}}(?:[{_GAP}]?[A-Za-z0-9]){{11,30}}))")
# ISO/IEC 7812: runs of digits with blanks or dashes between, of which a part may be a card; or four groups with dots between.
_DIGITS = re.compile(
    rf"(?<!\d\.){_BEGIN}(?:\d(?:[{_GAP}]{{0,2}}\d){{11,}}+|\d{{4}}(?:[./]\d{{4}}){{2}}[./]\d{{1,7}}(?![./]?\d))"
)
_GROUP = re.compile(r"\d+")
_OF_LONGER = re.compile(_OF_WORD)
_IN_WORD = re.compile(rf"{_OF_WORD}|\.\d")
# ITU-T E.164 after + or 00; and national numbers: from a 0, with an area code in brackets, North America's, China's.
_PHONE = re.compile(
    rf"{_BEGIN}(?:"
    rf"(?:[+\uff0b]|{_NO_FRACTION}00)[1-9](?:[{_GAP}./\\]{{0,3}}\(?\d\\?\)?){{6,14}}"
    rf"|{_NO_FRACTION}(?:"
    rf"(?P<national>\(?0[1-9]\d{{0,4}}\)?(?:[{_GAP}./]{{1,2}}\d{{2,8}}){{1,4}}(?!:\d))"
    rf"|0[1-9]\d{{8,10}}(?!{_OF_WORD}|[.,]\d))"
    r"|(?<!\d\.)(?:"
    rf"\(\d{{2,5}}\\?\)[{_GAP}]?\d{{3,5}}\\?[{_GAP}]\d{{3,4}}(?!\d)"
    rf"|(?:1[{_GAP}.])?[2-9]\d{{2}}\\?[{_GAP}.]\d{{3}}\\?[{_GAP}.]\d{{4}}{_ENDS}"
    rf"|1[3-9]\d[{_GAP}]\d{{4}}[{_GAP}]\d{{4}}{_ENDS}"
    r"))"
)
# What every card and phone number has, found quickly: most texts hold none, and the patterns above look at each letter.
_MANY_DIGITS = re.compile(rf"\d(?:[{_GAP}./()\\]{{0,4}}\d){{6}}")
_LIKE_IBAN = re.compile(rf"[A-Za-z]{{2}}\d\d[{_GAP}]?[A-Za-z0-9]{{4}}")
_GAPS = re.compile(rf"[{_GAP}]")
_DATE = re.compile(r"0\d([./-])\d{1,2}\1(?:19|20)\d\d")

SHORTEST_NATIONAL = 9  # digits, the leading 0 included; dates have eight
CARD_LENGTHS = range(12, 20)
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES HN MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
"""Letters and digits of an IBAN by country, as in SWIFT's registry."""


def emails(text: str) -> Iterator[Span]:
    if _AT.search(text):
        yield from (match.span() for match in _EMAIL.finditer(text))


def phones(text: str) -> Iterator[Span]:
    if not _MANY_DIGITS.search(text):
        return
    for match in _PHONE.finditer(text):
        if match["national"] is not None:
            digits = sum(map(str.isdigit, match[0]))
            if digits < SHORTEST_NATIONAL or _DATE.match(match[0]):
                continue
        yield match.span()


def cards(text: str) -> Iterator[Span]:
    """Numbers of the lengths and first digits that cards have, and whose check digit is right."""
    if not _MANY_DIGITS.search(text):
        return
    for run in _DIGITS.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        if _IN_WORD.match(text, run.end()):
            groups.pop()  # the rest of it is a number or name of another kind
        at = 0
        while at < len(groups):
            last = _card_from(text, groups, at)
            if last is None:
                at += 1
            else:
                yield groups[at][0], groups[last][1]
                at = last + 1


def _card_from(text: str, groups: list[Span], first: int) -> int | None:
    """The last group of a card that begins with group `first`, or None. The first group of a written card has four digits or more."""
    if groups[first][1] - groups[first][0] < 4:
        return None
    digits = ""
    found = None
    for last in range(first, len(groups)):
        begin, end = groups[last]
        if len(digits) + end - begin > CARD_LENGTHS[-1]:
            break
        digits += text[begin:end]
        if is_card(digits):
            found = last
    return found


def is_card(digits: str) -> bool:
    """Whether these digits, without blanks, can be a payment card's number. ISO/IEC 7812: length, issuer, Luhn's check digit."""
    if len(digits) not in CARD_LENGTHS or not digits.isdigit():
        return False
    lead = int(digits[0])
    shortest = {4: 13, 5: 12, 6: 12}.get(lead, 14)
    return lead >= 2 and len(digits) >= shortest and _luhn(digits) and len(set(digits)) > 1


def _luhn(digits: str) -> bool:
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(doubled[int(digit)] if place % 2 else int(digit) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def ibans(text: str) -> Iterator[Span]:
    """Account numbers whose check digits are right: ISO 13616, modulo 97."""
    if not _LIKE_IBAN.search(text):
        return
    free = 0
    for match in _IBAN.finditer(text):
        begin = match.start()
        if begin < free:
            continue
        end = _iban_end(text, begin, match.end(1))
        if end is not None:
            yield begin, end
            free = end


def _iban_end(text: str, begin: int, most: int) -> int | None:
    """Where an IBAN that begins here ends, None where none does: as long as its country has it, and nothing of a word behind it."""
    length = IBAN_LENGTHS.get(text[begin : begin + 2].upper(), 0)
    end = begin
    if not length:
        return None
    while length and end < most:
        length -= _GAPS.match(text, end) is None
        end += 1
    if length or _OF_LONGER.match(text, end):
        return None
    return end if is_iban(_GAPS.sub("", text[begin:end])) else None


def is_iban(number: str) -> bool:
    """Whether this is an IBAN, without blanks. ISO 7064, MOD 97-10."""
    if IBAN_LENGTHS.get(number[:2].upper()) != len(number) or not number.isascii() or not number.isalnum():
        return False
    return int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1


KINDS: Mapping[str, Callable[[str], Iterator[Span]]] = {
    "email": emails,
    "iban": ibans,
    "card": cards,
    "phone": phones,
}
"""In the order in which they are taken out: the surest first."""
