"""Metric sources: each turns what one kind of sender says into Observations, with bounded memory and counted loss."""
