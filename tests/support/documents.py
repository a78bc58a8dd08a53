"""The documentation as tests: what stands in its blocks is run, loaded or parsed.

- Python blocks run, in order, one namespace a page.
- YAML blocks with keys of verdigris.yaml are loaded. One that leaves out `service` or `environments` is a part: the
  smallest ones are put beside it.
- `verdigris …` in shell blocks and in `run:` lines of other YAML must be known verbs with known options. Nothing is run.
"""

import shlex
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import click
from ruamel.yaml import YAML
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from verdigris.cli.app import root
from verdigris.spec.document import Document
from verdigris.spec.load import Loaded, loads

ROOT = Path(__file__).parents[2]
SHELLS = ("console", "sh")
ENVIRON = dict.fromkeys(("VERDIGRIS_TOKEN", "GREEN_VERSION"), "a-value-for-tests")
_MINIMAL = {
    "service": "service: tested\n",
    "environments": "environments:\n  blue: { url: http://127.0.0.1:3001 }\n  green: { url: http://127.0.0.1:3002 }\n",
}


def sybil() -> Sybil:
    """What pytest collects README.md and docs/ with."""
    parsers = [
        PythonCodeBlockParser(),
        CodeBlockParser(language="yaml", evaluator=_yaml),
        *(CodeBlockParser(language=shell, evaluator=_shell) for shell in SHELLS),
    ]
    return Sybil(parsers=parsers, patterns=["README.md", "CONTRIBUTING.md", "docs/**/*.md"], path=str(ROOT))


# ------------------------------------------------------------------ YAML


def _yaml(example: Example) -> None:
    text = str(example.parsed)
    tree = YAML(typ="safe", pure=True).load(text)
    if is_configuration(tree):
        load_part(text, tree)
    else:
        check_commands(_scripts(tree))


def is_configuration(tree: object) -> bool:
    """Whether any of its keys is one of verdigris.yaml's."""
    return isinstance(tree, dict) and not tree.keys().isdisjoint(Document.model_fields)


def load_part(text: str, tree: dict[str, object]) -> Loaded:
    """Raises: ConfigError. A warning is a mistake too: examples should need none."""
    missing = "".join(part for key, part in _MINIMAL.items() if key not in tree)
    loaded = loads(missing + text, environ=ENVIRON)
    assert not loaded.warnings, loaded.warnings
    return loaded


def _scripts(tree: object) -> str:
    """Every `run` text in the tree, as workflow files have them."""
    if isinstance(tree, dict):
        return "\n".join(str(value) if key == "run" else _scripts(value) for key, value in tree.items())
    return "\n".join(map(_scripts, tree)) if isinstance(tree, list) else ""


# ------------------------------------------------------------------ commands


def _shell(example: Example) -> None:
    check_commands(str(example.parsed))


def check_commands(script: str) -> None:
    """Raises: AssertionError for an unknown verb, option or argument of `verdigris`."""
    for words in commands(script):
        check_command(words)


def commands(script: str) -> Iterator[list[str]]:
    """The words after `verdigris`, for each command of that name in the script."""
    for line in script.replace("\\\n", " ").splitlines():
        for part in _simple_commands(line):
            words = list(dropwhile(_comes_before, part))
            if words and words[0].rpartition("/")[2] == "verdigris":
                yield words[1:]


def _simple_commands(line: str) -> Iterator[list[str]]:
    """A shell line cut at pipes, semicolons and brackets; a quoted word that holds a command is cut too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&`")
    lexer.wordchars += "$.,:=@%+-/~*?[]{}…!"
    lexer.commenters = "#"
    part: list[str] = []
    for token in [*lexer, ";"]:
        if not set(token) <= set("();<>|&`"):
            part.append(token)
            if "$(" in token:
                yield from _simple_commands(token.partition("$(")[2].rpartition(")")[0])
            continue
        yield part
        part = []


def _comes_before(word: str) -> bool:
    return word in ("if", "then", "do", "while", "!", "-", "$", "sudo", "exec") or "=" in word


def check_command(words: list[str], *, mention: bool = False) -> None:
    """Parses the words with click, without running anything. What is only a mention may lack its arguments."""
    command: click.Command = root
    rest, context = list(words), click.Context(root, info_name="verdigris")
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        verb = rest.pop(0)
        found = command.get_command(context, verb)
        assert found is not None, f"`verdigris {' '.join(words)}`: no verb {verb!r}"
        command, context = found, click.Context(found, info_name=verb, parent=context)
    if isinstance(command, click.Group):
        assert rest in ([], ["--help"], ["-h"]), f"`verdigris {' '.join(words)}` names no verb"
        return
    try:
        command.make_context(command.name, rest, parent=context.parent)
    except click.exceptions.Exit:
        pass  # --help
    except click.ClickException as error:
        if mention and isinstance(error, click.MissingParameter):
            return
        raise AssertionError(f"`verdigris {' '.join(words)}`: {error.format_message()}") from error
