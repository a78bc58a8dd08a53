"""The verbs of a rollout."""

from __future__ import annotations

import click

from verdigris.cli.lazy import LazyGroup

_HERE = "verdigris.cli.rollout."

VERBS = {
    "start": (_HERE + "start", "Start a rollout to another environment."),
    "get": (_HERE + "get", "Show a rollout."),
    "watch": (_HERE + "watch", "Follow a rollout until it ends."),
    "list": (_HERE + "list", "List rollouts, newest first."),
    "history": (_HERE + "history", "List what happened to a rollout, and who asked for it."),
    "approve": (_HERE + "approve", "Approve leaving the present step."),
    "pause": (_HERE + "pause", "Hold a rollout where it is."),
    "resume": (_HERE + "resume", "Let a paused rollout go on."),
    "advance": (_HERE + "advance", "Move on from the present step without waiting."),
    "abort": (_HERE + "abort", "Stop a rollout; traffic returns to the stable side."),
    "rollback": (_HERE + "rollback", "Go back, also after the promotion."),
    "replay": (_HERE + "replay", "Judge a rollout's evidence again, by its own guardrails or others."),
    "pairs": (_HERE + "pairs", "List a rollout's pairs, newest first."),
    "quality": (_HERE + "quality", "Say what was sampled, scored, paired, dropped and spent."),
    "explain": (_HERE + "explain", "Say why a rollout stands where it stands, in numbers."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def command() -> None:
    """Start, watch, steer and explain rollouts. Where an ID may stand, the latest rollout is meant without one."""
