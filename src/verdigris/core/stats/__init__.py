"""Summaries that add, and tests that may be looked at continuously: one file a family, numbers in, numbers out."""
