"""WordPiece of uncased BERT models: text to numbers of pieces.

Source: Devlin et al. 2019 (arXiv 1810.04805) and the tokenizer published with it: control characters out, small letters without accents, each CJK
character and each punctuation mark a word of its own, then the longest pieces first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """`numbers` is the vocabulary: each piece's line in `vocab.txt`, from 0."""

    numbers: dict[str, int]

    @classmethod
    def read(cls, file: Path) -> Pieces:
        """Raises: ValueError."""
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror}") from None
        numbers = {line.strip(): number for number, line in enumerate(lines)}
        if not {UNKNOWN, BEGIN, END} <= numbers.keys():
            raise ValueError(f"{file} is no vocabulary of a BERT model")
        return cls(numbers=numbers)

    def of(self, text: str, *, most: int) -> list[int]:
        """At most `most` numbers, those of the marks at both ends included."""
        found: list[int] = []
        for word in _words(text):
            found.extend(self._pieces(word))
            if len(found) >= most - 2:
                break
        return [self.numbers[BEGIN], *found[: most - 2], self.numbers[END]]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > _LONGEST_WORD:
            return [self.numbers[UNKNOWN]]
        found, start = [], 0
        while start < len(word):
            end = self._longest(word, start)
            if end == start:
                return [self.numbers[UNKNOWN]]
            found.append(self.numbers[_piece(word, start, end)])
            start = end
        return found

    def _longest(self, word: str, start: int) -> int:
        for end in range(len(word), start, -1):
            if _piece(word, start, end) in self.numbers:
                return end
        return start


def _piece(word: str, start: int, end: int) -> str:
    return word[start:end] if start == 0 else f"##{word[start:end]}"


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in _plain(text):
        if character.isspace():
            yield from [word] if word else []
            word = ""
        elif _stands_alone(character):
            yield from [word] if word else []
            yield character
            word = ""
        else:
            word += character
    if word:
        yield word


def _plain(text: str) -> Iterator[str]:
    for character in text:
        if character in "\t\n\r" or unicodedata.category(character) == "Zs":
            yield " "
        elif character not in ("\0", "\ufffd") and not unicodedata.category(character).startswith("C"):
            for part in unicodedata.normalize("NFD", character.lower()):
                if unicodedata.category(part) != "Mn":
                    yield part


def _stands_alone(character: str) -> bool:
    code = ord(character)
    is_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    if is_mark or unicodedata.category(character).startswith("P"):
        return True
    return any(low <= code <= high for low, high in _CJK)
