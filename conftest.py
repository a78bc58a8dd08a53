"""What the documentation shows is run: Python, configurations and commands, each block a test."""

from support.documents import sybil

pytest_collect_file = sybil().pytest()
