"""The command line: one file a verb, each over the public API or over `spec`; nothing here computes.

Only click is imported until a verb runs, so that help and completion answer at once.
"""

from verdigris.cli.app import main

__all__ = ["main"]
