"""Redaction: what is taken out, what stays, that JSON stays JSON, and that no text makes it slow."""

import json
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verdigris.core.model.quality import Redaction
from verdigris.core.reading.identifiers import IBAN_LENGTHS, is_card, is_iban
from verdigris.core.reading.redaction import Redactor

REDACTOR = Redactor(Redaction())


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Write to a.b+c@ex-ample.co.uk, or x@y.org.", "Write to [email], or [email]."),
        ("<anna@müller.de>;b@c.museum", "<[email]>;[email]"),
        ("https://u@host.example.com/path", "https://[email]/path"),
        ("4111111111111111", "[card]"),
        ("4111 1111 1111 1111 12/27", "[card] 12/27"),
        ("card:4111-1111-1111-1111.", "card:[card]."),
        ("Amex 3782 822463 10005, Diners 30569309025904", "Amex [card], Diners [card]"),
        ("5500 0000 0000 0004 6011000990139424", "[card] [card]"),
        ("pay with card_4111111111111111", "pay with card_[card]"),
        ("\N{FULLWIDTH DIGIT FOUR}111111111111111", "[card]"),
        ("DE89 3704 0044 0532 0130 00 is mine", "[iban] is mine"),
        ("GB82WEST12345698765432", "[iban]"),
        ("BE68-5390-0754-7034 send it", "[iban] send it"),
        ("AB12 text DE89370400440532013000.", "AB12 text [iban]."),
        ("de89370400440532013000", "[iban]"),
        ("Call +49 30 1234567 or 0049-30-1234567", "Call [phone] or [phone]"),
        ("+1 (555) 123-4567; (555) 123-4567; 555-123-4567; 1-800-555-0199", "[phone]; [phone]; [phone]; [phone]"),
        ("030 1234567, 030 7654321", "[phone], [phone]"),
        ("06 12 34 56 78 / 0171/1234567 / 01711234567", "[phone] / [phone] / [phone]"),
        ("(11) 91234-5678, 138 1234 5678", "[phone], [phone]"),
        ("tel:+442079460958", "tel:[phone]"),
        ("a@b.com and 4111111111111111", "[email] and [card]"),
        # As models write them: blanks and dashes that do not break, dots, signs that Markdown escapes.
        ("4111\u00a01111\u202f1111\u20111111 or 4111.1111.1111.1111", "[card] or [card]"),
        ("DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "[iban]"),
        ("+1\u202f555\u2011123\u20114567, 555\u2013123\u20134567", "[phone], [phone]"),
        (
            r"john\_doe@x.com or anna\@x.com, \+49 170 1234567, \(555\) 123\-4567",
            r"[email] or [email], \[phone], \[phone]",
        ),
        ("CORP\\alice@x.com, bob\N{FULLWIDTH COMMERCIAL AT}x.com", "CORP\\[email], [email]"),
        ("https://x.org/?q=1&mail=bob.b%40x.com&n=100%25", "https://x.org/?q=1&mail=[email]&n=100%25"),
        # Scripts without blanks between words.
        ("卡号是4111111111111111。我的IBAN是DE89370400440532013000吗", "卡号是[card]。我的IBAN是[iban]吗"),
        ("電話は090-1234-5678です。โทร+66812345678ครับ", "電話は[phone]です。โทร[phone]ครับ"),
        # What stands beside them in a table or a sentence.
        ("17,4111111111111111,3,+49 30 1234567,9", "17,[card],3,[phone],9"),
        ("17,555-123-4567,9,(555) 123-4567,1", "17,[phone],9,[phone],1"),
        ("4111 1111 1111 1111 5th floor", "[card] 5th floor"),
    ],
)
def test_taken_out(text: str, redacted: str) -> None:
    assert REDACTOR.redact(text)[0] == redacted
    assert REDACTOR.redact(text)[1] == redacted.count("[")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nothing to see here.",
        "4111 1111 1111 1112",  # its check digit is wrong
        "1234567890123456",
        "0000 0000 0000 0000",
        "0.4111111111111111 and 3.141592653589793",
        "0,0171234567 and 2.555 123 4567",
        "GB82 WEST 1234 5698 7654 33",  # its check digits are wrong
        "2024-01-15T10:30:00Z, 01.02.2024 10:30, 01-02-2024, on 01.02.2024 10 people",
        "192.168.100.200, 10.0.0.1:8080, 2001:0db8:85a3::8a2e",
        "550e8400-e29b-41d4-a716-446655440000",
        "1732176000 1732176000123 0.00123456789",
        "version 1.2.3, 10,000,000 people, 12 345 678 EUR",
        "@mention, user@, @example.com, a@b",
        "f(x) = (12) + 3 - 45",
        '{"temperature": 0.8444218515250481, "n": 1234567}',
    ],
)
def test_left_alone(text: str) -> None:
    assert REDACTOR.redact(text) == (text, 0)


def test_json_stays_json() -> None:
    inner = json.dumps({"to": "\tbob@x.com"})
    answer = {
        "mail": "first line\nbob@x.com",
        "card": 4111111111111111,
        "args": inner,
        "list": [1, 0.5, None],
        "bob@x.com": "ü",
    }
    text, count = REDACTOR.redact(json.dumps(answer))
    assert json.loads(text) == {
        "mail": "first line\n[email]",
        "card": "[card]",
        "args": json.dumps({"to": "\t[email]"}),
        "list": [1, 0.5, None],
        "[email]": "ü",
    }
    assert count == 4


def test_json_that_needs_nothing_is_left_as_it_is_written() -> None:
    text = '{ "a" : [1e3,  "\\u00fc at 12 45"] }'
    assert REDACTOR.redact(text) == (text, 0)


def test_escapes_in_what_is_no_whole_json() -> None:
    assert REDACTOR.redact(r'{"a": "x\nbob@x.com and \u00e9ric@x.com \t+49 30 1234567') == (
        r'{"a": "x\n[email] and \u00e9[email] \t[phone]',
        3,
    )
    assert REDACTOR.redact("[a note] to bob@x.com") == ("[a note] to [email]", 1)


@settings(deadline=None)
@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.sampled_from(["a@b.co", "+49 30 1234567"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    ascii_only=st.booleans(),
)
def test_any_json_stays_json_of_the_same_shape(value: object, *, ascii_only: bool) -> None:
    text, count = REDACTOR.redact(json.dumps([value], ensure_ascii=ascii_only))
    again = json.loads(text)
    assert (again == [value]) is (count == 0)
    assert REDACTOR.redact(text) == (text, 0)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_redacted_for_good(text: str) -> None:
    once, _ = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == (once, 0)


def with_card(rng: random.Random) -> str:
    digits = rng.choice("3456") + "".join(rng.choices(string.digits, k=14))
    return next(digits + last for last in string.digits if is_card(digits + last))


def with_iban(rng: random.Random) -> str:
    country = rng.choice(sorted(IBAN_LENGTHS))
    account = "".join(rng.choices(string.digits + string.ascii_uppercase, k=IBAN_LENGTHS[country] - 4))
    checks = 98 - int("".join(str(int(letter, 36)) for letter in f"{account}{country}00")) % 97
    return f"{country}{checks:02d}{account}"


def test_every_card_and_account_is_found() -> None:
    rng = random.Random(7)
    for _ in range(500):
        card, iban = with_card(rng), with_iban(rng)
        assert is_iban(iban)
        spaced = " ".join(card[at : at + 4] for at in range(0, 16, 4))
        grouped = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
        for text in (card, spaced):
            assert Redactor(Redaction(kinds=("card",))).redact(f"my card {text}, please") == (
                "my card [card], please",
                1,
            )
        for text in (iban, grouped):
            assert Redactor(Redaction(kinds=("iban",))).redact(f"to {text}, please") == ("to [iban], please", 1)


def test_own_patterns_come_first() -> None:
    redactor = Redactor(Redaction(kinds=("email",), patterns={"customer": r"\bC-\d{4}\b", "word": "secret"}))
    assert redactor.redact("C-1234 a@b.com secret 4111111111111111") == (
        "[customer] [email] [word] 4111111111111111",
        3,
    )
    assert redactor.redact('{"a": "C-1234"}') == ('{"a": "[customer]"}', 1)


def test_nothing_is_taken_out_without_kinds() -> None:
    assert Redactor(Redaction(kinds=())).redact("a@b.com") == ("a@b.com", 0)


@pytest.mark.parametrize(
    ("redaction", "says"),
    [
        (Redaction(patterns={"mine": "("}), "'mine' is no regular expression.*position 0"),
        (Redaction(patterns={"mine": "a*"}), "'mine' matches the empty text"),
        (Redaction(kinds=("email", "iris")), "cannot find iris.*email, iban, card, phone"),
    ],
)
def test_what_cannot_be_is_told(redaction: Redaction, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Redactor(redaction)


LENGTH = 1 << 18
HOSTILE = (
    "a",
    "a@",
    "a.",
    "@a.",
    "a@a.",
    "a-",
    "%@",
    "%40",
    "a%40a.",
    "1 ",
    "1-",
    "0",
    "9",
    "12 ",
    "1234 ",
    "1234.",
    "a\\_",
    "\\_",
    "4111 1111 ",
    "4111-",
    "+1",
    "+1 - - ",
    "(0",
    "(",
    "01 ",
    "00",
    "AB12 ",
    "DE89",
    "DE89 a a a a ",
    "\\n",
    "\\u0041",
    '"',
    '{"',
    "[",
    '\\"',
    "[1,",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_makes_it_slow(piece: str) -> None:
    """Patterns that take quadratic time would look at these some ten thousand million times: the test would not end within its timeout."""
    text = piece * (LENGTH // len(piece))
    REDACTOR.redact(text)
    REDACTOR.redact("a@" + text + "1x")  # the whole of it may be no number, and so each part of it
