"""Notifiers: they tell people. A failure here never stops a rollout."""
