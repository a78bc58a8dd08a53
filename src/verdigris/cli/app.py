"""The root of the command line: its verbs, and how every error leaves it.

Exit codes: 0 done (or promoted), 1 rolled back, 2 wrong usage or an error, 3 undecided or out of time, 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from verdigris.cli.lazy import LazyGroup
from verdigris.core.model.errors import VerdigrisError

INTERRUPTED = 130
PIPE_CLOSED = 141
FAILED = 2

VERBS = {
    "up": ("verdigris.cli.up", "Run gateway, controller and API for one service."),
    "check": ("verdigris.cli.check", "Read verdigris.yaml and say what it means."),
    "init": ("verdigris.cli.init", "Write a commented verdigris.yaml to start from."),
    "plan": ("verdigris.cli.plan", "Say beforehand how long a rollout takes, and what it can find."),
    "status": ("verdigris.cli.status", "Show the service now, or wait for its rollout to end."),
    "rollout": ("verdigris.cli.rollout.group", "Start, watch, steer and explain rollouts."),
    "pairs": ("verdigris.cli.pairs.group", "Look at a pair: the same input, answered by both sides."),
    "samples": ("verdigris.cli.samples", "List the samples that are kept."),
    "cases": ("verdigris.cli.cases.group", "Ask declared cases and score the answers."),
    "judge": ("verdigris.cli.judge.group", "See how far a model's word as judge can be trusted."),
    "completion": ("verdigris.cli.completion", "Print the completion script of a shell."),
    "version": ("verdigris.cli.version", "Print the version."),
}


class Root(LazyGroup):
    """Turns whatever ends a command into one clear line and an exit code that means one thing."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 -- click's signature
        **extra: Any,
    ) -> Any:
        run = super().main
        if not standalone_mode:
            return run(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            sys.exit(run(args, prog_name, complete_var, standalone_mode=False, **extra) or 0)
        except click.ClickException as error:
            error.show()
        except VerdigrisError as error:
            click.echo(f"error: {error}", err=True)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                sys.exit(PIPE_CLOSED)
            _tell_crash()
        except Exception:  # noqa: BLE001 -- Python would end with 1, which says "rolled back" and "not reached"
            _tell_crash()
        sys.exit(FAILED)


def _tell_crash() -> None:
    traceback.print_exc()
    click.echo("error: this is a fault of verdigris itself; what stands above says where", err=True)


@click.group(
    cls=Root,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Commands ask the controller at VERDIGRIS_API (http://127.0.0.1:8090) with the token VERDIGRIS_TOKEN.",
)
def root() -> None:
    """Release AI features safely: two versions side by side, judged on live traffic, promoted or rolled back."""


def main() -> None:
    """The program `verdigris`."""
    root(prog_name="verdigris")
