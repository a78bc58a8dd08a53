"""A simulated assistant whose answers can be read: what it was asked, how a release answers, and what that answer is worth.

No model runs. Every answer is composed of the facts in its question, so that a reader can tell what is missing.
"""
