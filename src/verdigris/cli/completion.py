"""`verdigris completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_HOW = """\
\b
  bash  verdigris completion bash > ~/.local/share/bash-completion/completions/verdigris
  zsh   verdigris completion zsh > "${fpath[1]}/_verdigris"
  fish  verdigris completion fish > ~/.config/fish/completions/verdigris.fish
"""


@click.command(epilog=_HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, *, shell: str) -> None:
    """Print the completion script of a shell. Completing asks nothing over the network."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "verdigris", "_VERDIGRIS_COMPLETE").source())
