"""Judges from the command line."""
