"""Copies of requests become samples, scores and pairs. Nothing here can hold up live traffic or a decision."""
