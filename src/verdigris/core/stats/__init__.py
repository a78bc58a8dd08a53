"""Numbers in, numbers out: tests that may be looked at continuously, and summaries that add.

Nothing here knows of rollouts, roles' names, time or guardrails. An e-value is evidence: under the hypothesis it speaks
against, it ever exceeds 1/alpha with probability at most alpha, however often one looks (Ville's inequality).
Every stateful object has `dump()`, which gives JSON, and `restore()`, which brings back exactly the same floats.
"""
