"""The rules that are compared, by the names they have in tables and in the picture."""

from __future__ import annotations

from benchmarks.judge.mann_whitney import kayenta
from benchmarks.judge.naive import threshold
from benchmarks.judge.ours import verdigris
from benchmarks.judge.repeated_z import looked_at_every
from benchmarks.judge.scenario import Rule

OURS = "Verdigris"
NAIVE = "threshold"
Z_EACH, Z_HUNDRED = "z, each request", "z, each 100"
KAYENTA = "Mann-Whitney"

RULES: dict[str, Rule] = {
    OURS: verdigris,
    NAIVE: threshold,
    Z_EACH: looked_at_every(1),
    Z_HUNDRED: looked_at_every(100),
    KAYENTA: kayenta,
}
OTHERS = tuple(name for name in RULES if name != OURS)
