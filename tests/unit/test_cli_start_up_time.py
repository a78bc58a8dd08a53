"""Help and completion answer at once: nothing heavy is imported before a verb runs."""

import subprocess
import sys
from importlib import import_module

import click
import pytest

from verdigris.cli.app import VERBS, root
from verdigris.cli.lazy import LazyGroup
from verdigris.cli.rollout.group import VERBS as ROLLOUT_VERBS

HEAVY = ("fastapi", "grpc", "numpy", "pydantic", "rich", "httpx2", "ruamel", "uvicorn", "asyncio", "verdigris.wire")
ALL = {**VERBS, **{f"rollout {verb}": entry for verb, entry in ROLLOUT_VERBS.items()}}

PROGRAM = """
import sys
from verdigris.cli import main
for arguments in {runs!r}:
    sys.argv = ["verdigris", *arguments]
    try:
        main()
    except SystemExit:
        pass
print("HEAVY", sorted(set({heavy!r}) & set(sys.modules)))
"""


def heavy_after(*runs, **environ):
    """What running the command lines, one after the other in one process, imported of HEAVY; and what was printed."""
    program = PROGRAM.format(runs=runs, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ or None, timeout=60
    )
    return done.stdout.splitlines()[-1], done.stdout


def test_help_imports_only_click():
    runs = [["--help"], ["rollout", "--help"], *([*verb.split(), "--help"] for verb in ALL)]
    heavy, printed = heavy_after(*runs)
    assert printed.count("Usage: verdigris") == len(runs)
    assert heavy == "HEAVY []"


def test_completion_imports_only_click_and_asks_nothing():
    heavy, printed = heavy_after(
        [],
        _VERDIGRIS_COMPLETE="bash_complete",
        COMP_WORDS="verdigris rollout ",
        COMP_CWORD="2",
        VERDIGRIS_API="http://127.0.0.1:1",
    )
    assert "plain,explain" in printed
    assert heavy == "HEAVY []"


def test_the_check_can_fail():
    heavy, _ = heavy_after(["check", "--schema"])
    assert "pydantic" in heavy


@pytest.mark.parametrize("verb", ALL)
def test_the_help_in_the_list_is_what_the_verb_says(verb):
    module, line = ALL[verb]
    command = import_module(module).command
    assert isinstance(command, click.Command)
    assert line.rstrip(".").lower() in (command.help or "").replace("\n", " ").lower()


def test_groups_list_their_verbs_in_the_order_of_use():
    assert isinstance(root, LazyGroup)
    assert root.list_commands(click.Context(root))[:3] == ["up", "check", "init"]
