"""From observations to a verdict: ledger -> guardrails -> judge -> explain. No I/O and no clock."""
