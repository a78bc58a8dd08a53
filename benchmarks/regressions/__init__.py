"""Twelve harmful and four harmless changes of a simulated assistant: which are found, after how much, and at what price."""
