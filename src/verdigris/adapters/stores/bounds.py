"""How much a store keeps. Whatever grows has its bound here."""

KEEP_ROLLOUTS = 1_000
"""Rollouts of one service; older ones are forgotten when a new one begins."""

KEEP_EVENTS = 500_000
"""Events of one service, over all its rollouts; the newest rollout is kept whatever its length."""

KEEP_RECORD = 512 * 1024 * 1024
"""Bytes of one service's records, over all its rollouts; when a rollout begins, the oldest ones beyond are forgotten."""

MAX_NOTE = 1024 * 1024
"""Bytes of one remembered value."""

MAX_NOTES = 100
"""Remembered values of one service."""
