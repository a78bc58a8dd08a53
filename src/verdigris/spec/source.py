"""The file's text as a tree of plain values, with the line and column of every key and value.

Scalars stay text, so that `version: 1.10` is not 1.1 and the document's own types decide what a number is; only an
unquoted null becomes None. Written for YAML 1.2: https://yaml.org/spec/1.2.2/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from verdigris.core.model.errors import ConfigError
from verdigris.spec.variables import protect, substitute
from verdigris.spec.wrong import Wrong

Path = tuple[str | int, ...]
Tree = dict[str, "Tree"] | list["Tree"] | str | None

MOST_TEXT = 1_000_000
_MOST_NODES = 20_000
_DEEPEST = 40
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A place in the file; both count from 1."""

    line: int
    column: int


@dataclass(kw_only=True, slots=True)
class Source:
    """A file that was read: `tree` with variables filled in, `raw` as written, and what was wrong so far.

    `bare` are the places of texts without quotes.
    """

    file: str
    tree: Tree = field(default=None, repr=False)
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)
    bare: set[Path] = field(default_factory=set)
    blanks: list[Path] = field(default_factory=list)
    errors: list[ConfigError] = field(default_factory=list)

    def error(self, message: str, *, at: Path, hint: str = "", on_key: bool = False) -> ConfigError:
        """The error with its place: of the value at `at` if it is a text, else of its key, else of what is above it."""
        return ConfigError(message, hint=hint, key=dotted(at), file=self.file, **self._place(at, on_key=on_key))

    def _place(self, at: Path, *, on_key: bool) -> dict[str, int]:
        for end in range(len(at), -1, -1):
            key_first = on_key or end < len(at) or at not in self.raw
            mark = (self.keys.get(at[:end]) if key_first else None) or self.values.get(at[:end])
            if mark is not None:
                return {"line": mark.line, "column": mark.column}
        return {}

    def wrong(self, wrong: Wrong, *, at: Path) -> ConfigError:
        """The error for a Wrong found at `at`, quoting the file's own text."""
        at = (*at, *wrong.at)
        quoted = self.quoted(at)
        said = f": {quoted} {wrong.said}" if quoted else f" {wrong.said}"
        return self.error(f"{dotted(at) or 'the file'}{said}", at=at, hint=wrong.hint)

    def settle(self, location: Path) -> Path:
        """The part of a checker's location that exists in the file: without the names of union members."""
        path: Path = ()
        node = self.tree
        for part in location:
            if isinstance(node, dict) and part in node:
                node = node[str(part)]
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            else:
                continue
            path = (*path, part)
        return path

    def plain(self, location: Path) -> Any:
        """What stands at a checker's location as YAML reads it: unquoted numbers, `true` and `false` are no text.

        https://yaml.org/spec/1.2.2/#103-core-schema, without octal and hexadecimal numbers, infinity and NaN.
        """
        at = self.settle(location)
        node: Any = self.tree
        for part in at:
            node = node[part]
        return self._plain(node, at)

    def _plain(self, node: Tree, at: Path) -> Any:
        if isinstance(node, dict):
            return {key: self._plain(inner, (*at, key)) for key, inner in node.items()}
        if isinstance(node, list):
            return [self._plain(inner, (*at, index)) for index, inner in enumerate(node)]
        return _resolved(node) if node is not None and at in self.bare else node

    def quoted(self, at: Path) -> str:
        """The text that stands at `at`, before any variable was filled in; empty for mappings and lists."""
        raw = self.raw.get(at)
        return "" if raw is None else f'"{raw}"'


def _resolved(text: str) -> Any:
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text) and len(text) < 100:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def dotted(path: Path) -> str:
    """`strategy.steps[0].hold`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str, *, file: str, environ: Mapping[str, str] | None, start: str = "") -> Source:
    """Without `environ` variables stay as they are written. `start` says how such a file begins, where it is not verdigris.yaml.

    Raises: ConfigError when the text is no YAML or no mapping; smaller faults are kept in `errors`.
    """
    root = _compose(text, file)
    source = Source(file=file)
    if root is None:
        raise ConfigError(
            "the file is empty", file=file, line=1, hint=start or "`verdigris init` writes one to start from"
        )
    builder = _Builder(source, environ)
    source.tree = builder.build(root, (), 0)
    if not isinstance(root, MappingNode):
        kind = "a list" if isinstance(root, SequenceNode) else "a single value"
        raise source.error(
            f"the file holds {kind}, not keys with values", at=(), hint=start or "begin with `service: NAME`"
        )
    return source


def _compose(text: str, file: str) -> Node | None:
    if len(text) > MOST_TEXT:
        raise ConfigError(f"the file is longer than {MOST_TEXT:,} characters", file=file, hint="is it the right file?")
    try:
        return YAML(typ="safe", pure=True).compose(protect(text))  # type: ignore[no-any-return]
    except MarkedYAMLError as error:
        raise _not_yaml(error, file) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError("a character that YAML does not allow", file=file, line=line) from None
    except (YAMLError, RecursionError, ValueError) as error:
        deep = isinstance(error, RecursionError)
        raise ConfigError("nested too deeply" if deep else "this is not YAML", file=file) from None


def _not_yaml(error: MarkedYAMLError, file: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem or error.context or "")
    line = mark.line + 1 if mark else None
    column = mark.column + 1 if mark else None
    message, hint = f"this is not YAML: {problem}", ""
    if "'\\t'" in problem or _tab_indents(mark):
        message, hint = "a tab where YAML wants spaces", "indent with spaces"
    elif "another document" in problem:
        message, hint = "the file holds more than one document", "one service a file: take out the second `---`"
    elif "mapping values are not allowed" in problem:
        hint = "two colons on one line, or a line indented too far? Put text with a colon in quotes"
    elif "'%'" in problem or "'@'" in problem or "'`'" in problem:
        hint = "put the value in quotes"
    return ConfigError(message, file=file, line=line, column=column, hint=hint)


def _tab_indents(mark: object) -> bool:
    if not isinstance(mark, StringMark):
        return False
    start = mark.buffer.rfind("\n", 0, mark.pointer) + 1
    return re.match(r" *\t", mark.buffer[start:]) is not None


class _Builder:
    """Walks the nodes once. Bounded, for a few aliases can stand for a billion values."""

    def __init__(self, source: Source, environ: Mapping[str, str] | None) -> None:
        self._source = source
        self._environ = environ
        self._seen = 0

    def build(self, node: Node, at: Path, depth: int) -> Tree:
        self._seen += 1
        self._source.values.setdefault(at, _mark(node))
        if self._seen > _MOST_NODES or depth > _DEEPEST:
            raise self._source.error("the file says too much: aliases that repeat themselves?", at=at[:1])
        if isinstance(node, MappingNode):
            return self._mapping(node, at, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*at, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _mapping(self, node: MappingNode, at: Path, depth: int) -> dict[str, Tree]:
        built: dict[str, Tree] = {}
        for key_node, value_node in self._pairs(node, at):
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str):
                self._note("a key must be a word", (*at, "?"), key_node, hint="a list or a mapping cannot be a key")
                continue
            path = (*at, key)
            if key in built:
                first = self._source.keys[path]
                self._note(f'"{key}" stands twice{_inside(at)}', path, key_node, hint=f"first on line {first.line}")
                continue
            self._source.keys[path] = _mark(key_node)
            built[key] = self.build(value_node, path, depth + 1)
        return built

    def _pairs(self, node: MappingNode, at: Path) -> Iterator[tuple[Node, Node]]:
        """The mapping's own pairs, then those of what it merges with `<<` that it does not say itself."""
        own = [pair for pair in node.value if pair[0].tag != "tag:yaml.org,2002:merge"]
        yield from own
        said = {key.value for key, _ in own if isinstance(key, ScalarNode)}
        for key_node, merged in (pair for pair in node.value if pair[0].tag == "tag:yaml.org,2002:merge"):
            for base in merged.value if isinstance(merged, SequenceNode) else [merged]:
                if not isinstance(base, MappingNode):
                    self._note("`<<` merges mappings only", (*at, "<<"), key_node)
                    continue
                fresh = [pair for pair in base.value if pair[0].value not in said]
                yield from fresh
                said |= {key.value for key, _ in fresh}

    def _scalar(self, node: Node, at: Path) -> Tree:
        text = str(node.value)
        self._source.raw[at] = substitute(text, None)
        plain = getattr(node, "style", None) is None
        if not str(node.tag).startswith("tag:yaml.org,2002:"):
            self._note(f"{dotted(at)}: a tag ({node.tag}) has no meaning here", at, node, hint="take it out")
        if plain:
            self._source.bare.add(at)
        if plain and text in _NULLS:
            self._source.blanks.append(at)
            return None
        try:
            return substitute(text, self._environ)
        except Wrong as wrong:
            self._note(f"{dotted(at)}: {wrong.said}", at, node, hint=wrong.hint)
            return None

    def _note(self, message: str, at: Path, node: Node, hint: str = "") -> None:
        mark = _mark(node)
        self._source.errors.append(
            ConfigError(message, file=self._source.file, line=mark.line, column=mark.column, key=dotted(at), hint=hint)
        )


def _inside(at: Path) -> str:
    return f" in {dotted(at)}" if at else ""


def _mark(node: Node) -> Mark:
    return Mark(line=node.start_mark.line + 1, column=node.start_mark.column + 1)
