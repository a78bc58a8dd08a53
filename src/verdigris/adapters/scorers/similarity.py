"""How alike two answers are in meaning: the cosine of their embeddings, of an endpoint or of a model in a folder.

It never gates by itself: a negation and a paraphrase are about as far away, and "5 mg" is nearly "50 mg". It is shown beside how alike stable's
own second answers are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from verdigris.adapters.scorers.post import NoAnswer, Post, bearer, is_address
from verdigris.adapters.scorers.words import most_tokens, version_of
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.sample import Sample
from verdigris.core.model.score import Score, ScoreFailure, Trouble

_CODE = 1
_LARGEST = 4 << 20  # bytes of an answer
_READ = 20_000  # characters of a text
_OVERHEAD = 8  # tokens around the texts
_MILLION = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Similarity:
    """Either `url`, the base address of an OpenAI-compatible API, with a `model` and the name of the variable that holds its key; or
    `directory`, a folder with a MiniLM, whose weights `sha256` may pin.

    `price` is USD per million tokens of the endpoint, 0 where it costs nothing; not known without it.
    """

    url: str = ""
    model: str = ""
    api_key_env: str = ""
    price: float | None = None
    directory: Path | str = ""
    sha256: str = ""
    _post: Post = field(
        default_factory=lambda: Post(of="the endpoint", largest=_LARGEST), init=False, repr=False, compare=False
    )
    _local: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    needs_calibration: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.directory):
            raise ValueError("it takes either a url or a directory")
        if self.url and not (is_address(self.url) and self.model):
            raise ValueError("a url begins with http:// or https:// and names a host, and it needs a model")
        if self.price is not None and not (math.isfinite(self.price) and self.price >= 0.0):
            raise ValueError("the price is USD per million tokens, from 0 on")
        missing = [name for name in _FILES if self.directory and not (Path(self.directory) / name).is_file()]
        if missing:
            raise ValueError(f"the folder {self.directory} has no {' and no '.join(missing)}")

    @property
    def name(self) -> str:
        return "similarity"

    @property
    def version(self) -> str:
        return version_of(_Asked(model=self.model, directory=str(self.directory), sha256=self.sha256), code=_CODE)

    @property
    def is_free(self) -> bool:
        return bool(self.directory) or self.price == 0.0

    @property
    def in_loop(self) -> bool:
        """A model in a folder computes, an endpoint is waited for."""
        return bool(self.url)

    def most(self, item: Sample | ComparedPair) -> float | None:
        """USD that its word on a pair can cost; None where the price is not known."""
        if self.price is None or not isinstance(item, ComparedPair):
            return None
        return (_most_tokens(_texts(item)) + _OVERHEAD) * self.price / _MILLION

    async def compare(self, pair: ComparedPair) -> Score | ScoreFailure:
        texts = _texts(pair)
        if not all(text.strip() for text in texts):
            return Score(scorer=self.name, version=self.version, label="empty")
        if texts[0] == texts[1]:
            return self._score(1.0)
        try:
            (ours, theirs), cost = await self._asked(texts) if self.url else (self._computed(texts), 0.0)
        except NoAnswer as none:
            failed = self._failure(none.trouble, none.reason)
            return replace(failed, again_after=none.again_after, was_sent=none.was_sent)
        except ValueError as error:
            return self._failure(Trouble.CRASHED, str(error))
        return self._score(_cosine(ours, theirs), cost)

    def _computed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        if not self._local:
            from verdigris.adapters.scorers.minilm.model import MiniLM  # noqa: PLC0415 -- read where it is run

            self._local.append(MiniLM.read(Path(self.directory), sha256=self.sha256))
        return [self._local[0].embed(text).tolist() for text in texts]

    async def _asked(self, texts: Sequence[str]) -> tuple[list[Sequence[float]], float]:
        body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        answered = await self._post.ask(f"{self.url.rstrip('/')}/embeddings", body, bearer(self.api_key_env))
        try:
            said = json.loads(answered.body)
            placed = sorted(said["data"], key=lambda each: int(each["index"]))
            found = [[float(value) for value in each["embedding"]] for each in placed]
            usage = said.get("usage") or {}
            tokens = usage.get("prompt_tokens", usage.get("total_tokens"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NoAnswer(Trouble.UNREADABLE, "the endpoint's answer holds no embeddings") from None
        if len(found) != len(texts) or not found[0] or len({len(each) for each in found}) != 1:
            raise NoAnswer(Trouble.UNREADABLE, "the endpoint's answer holds other than two embeddings of one size")
        return [*found], self._cost(tokens, texts)

    def _cost(self, tokens: Any, texts: Sequence[str]) -> float:
        """Of tokens that nobody told, as many as there can be."""
        told = isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0
        count = tokens if told else _most_tokens(texts) + _OVERHEAD
        return float(count) * (self.price or 0.0) / _MILLION

    def _score(self, value: float, cost: float = 0.0) -> Score:
        return Score(scorer=self.name, version=self.version, value=value, label="similarity", cost=cost)

    def _failure(self, trouble: Trouble, reason: str) -> ScoreFailure:
        return ScoreFailure(scorer=self.name, version=self.version, trouble=trouble, reason=reason)

    async def close(self) -> None:
        await self._post.close()


_FILES = ("model.safetensors", "config.json", "vocab.txt")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What can change its word."""

    model: str
    directory: str
    sha256: str


def _texts(pair: ComparedPair) -> tuple[str, str]:
    return pair.stable.reading.text[:_READ], pair.other.reading.text[:_READ]


def _most_tokens(texts: Sequence[str]) -> int:
    return sum(most_tokens(text) for text in texts)


def _cosine(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """0..1: what points the other way is as little alike as what has nothing in common."""
    size = math.sqrt(sum(value * value for value in ours) * sum(value * value for value in theirs))
    product = sum(one * other for one, other in zip(ours, theirs, strict=True))
    return min(1.0, max(0.0, product / size)) if size > 0.0 and math.isfinite(size) else 0.0
