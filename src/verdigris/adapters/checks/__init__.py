"""Checks: looks at an environment before any user does."""
