"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_never = threading.Event()


def pause(seconds: float) -> None:
    """Lets time pass while something runs: for measuring over a span, not for hoping that something is ready."""
    _never.wait(seconds)


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Raises: TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        pause(0.02)
