"""Files of cases to Cases: everything that is wrong is told at once, by file, line and column."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from verdigris import plugins
from verdigris.cases.document import MOST_CASES, CaseDoc, CasesFile
from verdigris.cases.model import Case, Question
from verdigris.cases.money import JUDGE
from verdigris.cases.rules import (
    Contains,
    Equals,
    Keywords,
    Length,
    NotContains,
    Reference,
    Regex,
    Rubric,
    Rule,
    Schema,
)
from verdigris.core.model.errors import ConfigError
from verdigris.ports import Prices
from verdigris.spec.problems import problems
from verdigris.spec.source import Path as Place
from verdigris.spec.source import Source, dotted, read
from verdigris.spec.variables import fill
from verdigris.spec.wrong import Wrong

MOST_FILES = 500
MOST_BYTES = 4_000_000
INPUT = "{input}"
RUBRIC = "rubric"
_GLOB = frozenset("*?[")
_PATTERNS = "write it as for JavaScript, in single quotes: a named group is (?<name>…)"
_START = "begin with `cases:` and a list of them"
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a file's cases may lean on: a `path` where none is named, the options of a `judge`, the environment's variables, and
    what models cost.
    """

    environ: Mapping[str, str] = field(repr=False, default_factory=dict)
    path: str | None = None
    judge: Mapping[str, Any] | None = field(repr=False, default=None)
    prices: Prices | None = None


def load_cases(files: Sequence[str], *, beside: Path, context: Context) -> tuple[Case, ...]:
    """All cases of the files that `files`, globs relative to the folder `beside`, name. Raises: ConfigError."""
    loaded: list[Case] = []
    errors: list[ConfigError] = []
    for file in _named(files, beside):
        try:
            loaded += _load(file, context)
        except ConfigError as error:
            errors += error.errors
    errors += _twice(loaded)
    if errors:
        raise ConfigError.together(errors)
    if len(loaded) > MOST_CASES:
        raise ConfigError(f"there are {len(loaded):,} cases, and {MOST_CASES:,} are read", hint="name fewer files")
    return tuple(loaded)


def _named(files: Sequence[str], beside: Path) -> list[Path]:
    found: dict[Path, None] = {}
    for written in files:
        path = _at_home(written)
        base, pattern = (
            (Path(path.anchor), str(path.relative_to(path.anchor))) if path.is_absolute() else (beside, written)
        )
        matches = sorted(each for each in base.glob(pattern) if each.is_file()) if _GLOB & set(written) else []
        matches = matches or ([] if _GLOB & set(written) else [base / pattern])
        if not matches:
            raise ConfigError(
                f"no file of cases matches {written}",
                key="quality.cases",
                hint="" if path.is_absolute() else f"looked in {base}",
            )
        found |= dict.fromkeys(matches)
    if len(found) > MOST_FILES:
        raise ConfigError(f"{len(found):,} files of cases, and {MOST_FILES} are read", hint="name fewer")
    return list(found)


def _at_home(written: str) -> Path:
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{written} begins with the home of nobody who is known here", hint="write ./~ for a name"
        ) from None


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError("there is no such file of cases", file=str(file)) from None
    except UnicodeDecodeError:
        raise ConfigError("the text is not UTF-8", file=str(file), hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", file=str(file)) from None


def _load(file: Path, context: Context) -> list[Case]:
    source = read(_text(file), file=str(file), environ=None, start=_START)
    source.blanks = [place for place in source.blanks if not {"body", "schema"} & set(place[:-1])]
    try:
        document = CasesFile.model_validate(source.tree)
    except ValidationError as error:
        raise ConfigError.together(problems(source, error, root=CasesFile)) from None
    if found := problems(source, None):
        raise ConfigError.together(found)
    reader = _Reader(source, document, context, file)
    cases = [reader.case(index, case) for index, case in enumerate(document.cases)]
    if reader.errors:
        raise ConfigError.together(reader.errors)
    return cases


def _twice(cases: Sequence[Case]) -> Iterator[ConfigError]:
    first: dict[str, Case] = {}
    for case in cases:
        if (before := first.setdefault(case.id, case)) is not case:
            file, _, line = case.place.rpartition(":")
            yield ConfigError(
                f"case {case.id!r} stands twice", file=file, line=int(line), hint=f"first at {before.place}"
            )


class _Reader:
    """One file's cases; what is wrong gathers in `errors`."""

    def __init__(self, source: Source, document: CasesFile, context: Context, file: Path) -> None:
        self._source = source
        self._document = document
        self._context = context
        self._file = file
        self.errors: list[ConfigError] = []

    def case(self, index: int, doc: CaseDoc) -> Case:
        at: Place = ("cases", index)
        mark = self._source.values.get(at)
        return Case(
            id=doc.id,
            question=self._question(doc, at),
            rules=tuple(self._rules(doc, at)),
            weight=doc.weight,
            tags=tuple(doc.tags),
            place=f"{self._file}:{mark.line if mark else 1}",
        )

    def _wrong(self, said: str, at: Place, hint: str = "") -> None:
        self.errors.append(self._source.wrong(Wrong(said, hint=hint), at=at))

    # ------------------------------------------------------------------ what is sent

    def _question(self, doc: CaseDoc, at: Place) -> Question:
        shared = self._document.request
        path = doc.path or shared.path or self._context.path
        if path is None:
            self._wrong("names no path", at, hint="write one here, under request, as quality.cases.path or with --path")
        places: tuple[tuple[Mapping[str, str], Place], ...] = (
            (shared.headers, ("request", "headers")),
            (doc.headers, (*at, "headers")),
        )
        headers = {
            name.lower(): self._filled(value, (*place, name), one_line)
            for given, place in places
            for name, value in given.items()
        }
        body = self._body(doc, at)
        text = isinstance(body, str)
        return Question(
            body=body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode(),
            content_type="text/plain; charset=utf-8" if text else "application/json",
            path=path,
            headers=headers,
        )

    def _filled(self, value: str, at: Place, checked: Callable[[str], str] = str) -> str:
        """With its variables. What is wrong is told once, however many cases share it."""
        try:
            return checked(fill(value, self._context.environ))
        except Wrong as wrong:
            self._note(self._source.error(f"{dotted(at)}: {wrong.said}", at=at, hint=wrong.hint))
            return ""

    def _note(self, error: ConfigError) -> None:
        if str(error) not in map(str, self.errors):
            self.errors.append(error)

    def _body(self, doc: CaseDoc, at: Place) -> Any:
        place: Place | None = None
        if doc.body is not None:
            place = (*at, "body")
        elif self._document.request.body is not None:
            place = ("request", "body")
        template = {"input": INPUT} if place is None else self._source.plain(place)
        if doc.input is None:
            return template
        if place is not None and not _takes_input(template):
            wrong = f"{dotted(place)} has no {INPUT} in it, so the input would never be sent"
            hint = f"write {INPUT} where it belongs" + (", or take the input out" if place[0] == "cases" else "")
            self._note(self._source.error(wrong, at=place, on_key=True, hint=hint))
        return _with_input(template, doc.input)

    # ------------------------------------------------------------------ what is asked of the answer

    def _rules(self, doc: CaseDoc, at: Place) -> Iterator[Rule]:
        if doc.keywords is not None:
            yield Keywords(every=tuple(doc.keywords.all), some=tuple(doc.keywords.any))
        if doc.contains:
            yield Contains(texts=tuple(doc.contains))
        if doc.not_contains:
            yield NotContains(texts=tuple(doc.not_contains))
        if doc.equals is not None:
            yield Equals(text=doc.equals)
        for index, pattern in enumerate(doc.regex):
            place = self._place((*at, "regex"), index)
            yield from self._made(lambda pattern=pattern: Regex(pattern=pattern), place, _PATTERNS)
        if doc.min_length is not None or doc.max_length is not None:
            yield Length(least=doc.min_length, most=doc.max_length)
        if doc.schema_ is not None:
            yield from self._made(lambda: Schema(schema=self._schema((*at, "schema"))), (*at, "schema"))
        if doc.reference is not None:
            yield from self._reference(doc.reference.text, doc.reference.scorer, (*at, "reference"))
        if doc.judge is not None:
            yield from self._rubric(doc.judge, (*at, "judge"))

    def _place(self, at: Place, index: int) -> Place:
        return at if at in self._source.raw else (*at, index)

    def _made(self, make: Any, at: Place, hint: str = "") -> Iterator[Rule]:
        try:
            yield make()
        except ValueError as error:
            self._wrong(str(error), at, hint)

    def _schema(self, at: Place) -> Any:
        written = self._source.plain(at)
        if not isinstance(written, str):
            return written
        file = self._file.parent / written
        try:
            with file.open("rb") as opened:
                return json.loads(opened.read(MOST_BYTES))
        except OSError as error:
            raise ValueError(f"names a file that cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise ValueError("names a file that holds no JSON") from None

    def _reference(self, text: str, scorer: str, at: Place) -> Iterator[Rule]:
        written = self._source.plain(at)
        own = {"text", "scorer"}
        options = {key: value for key, value in written.items() if key not in own} if isinstance(written, dict) else {}
        plug = self._plug(scorer, options, at)
        if plug is None:
            return
        if not hasattr(plug, "compare"):
            self._wrong(
                f"names the scorer {scorer}, which compares no texts", at, hint="such as rouge-l, exact or chrf"
            )
            return
        yield Reference(text=text, scorer=scorer, plug=plug)

    def _rubric(self, text: str, at: Place) -> Iterator[Rule]:
        own = self._source.plain((JUDGE,)) if self._document.judge is not None else None
        options = self._context.judge if own is None else self._all_filled(own, (JUDGE,))
        if options is None:
            self._wrong(
                "asks a judge, and none is declared",
                at,
                hint="add judge: { model: … } to this file, or a scorer `judge` to verdigris.yaml",
            )
            return
        if own is not None and RUBRIC in own:
            said = "judge.rubric is never asked: each case says its own under judge"
            self._note(self._source.error(said, at=(JUDGE, RUBRIC), on_key=True, hint="take it out"))
            return
        plug = self._plug(JUDGE, {**options, RUBRIC: text}, at if own is None else (JUDGE,))
        if plug is not None:
            yield Rubric(text=text, scorer=JUDGE, plug=plug)

    def _all_filled(self, node: Any, at: Place) -> Any:
        if isinstance(node, dict):
            return {key: self._all_filled(inner, (*at, key)) for key, inner in node.items()}
        return self._filled(node, at) if isinstance(node, str) else node

    def _plug(self, name: str, options: Mapping[str, Any], at: Place) -> Any:
        try:
            plug = plugins.make(name, plugins.settled(name, options, self._file.parent))
        except ConfigError as error:
            place = (*at, error.key) if (*at, error.key) in self._source.keys else at
            self._note(self._source.error(error.message, at=place, hint=error.hint, on_key=place != at))
            return None
        prices = self._context.prices
        return plug.priced_by(prices) if prices is not None and hasattr(plug, "priced_by") else plug


def one_line(value: str) -> str:
    """A header's value. Raises: Wrong for what no HTTP client sends: RFC 9110, section 5.5."""
    if _CONTROL.search(value):
        raise Wrong("holds a line break or another control character", hint="one line of text")
    return value


def _takes_input(node: Any) -> bool:
    if isinstance(node, dict):
        return any(_takes_input(inner) for inner in node.values())
    if isinstance(node, list):
        return any(_takes_input(inner) for inner in node)
    return isinstance(node, str) and INPUT in node


def _with_input(node: Any, text: str) -> Any:
    """The body with the input in place of `{input}`, wherever that stands in a text."""
    if isinstance(node, dict):
        return {key: _with_input(inner, text) for key, inner in node.items()}
    if isinstance(node, list):
        return [_with_input(inner, text) for inner in node]
    return node.replace(INPUT, text) if isinstance(node, str) else node
