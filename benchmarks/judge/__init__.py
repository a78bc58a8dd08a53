"""How often the judge is wrong and how soon it is right: `python -m benchmarks.judge`.

Every figure comes from seeded simulations: run number i of a scenario is the same stream for every rule, on every
machine and however many processes share the work. A scenario makes streams; a rule reads one stream and decides; tables
and the picture only count what was decided.
"""
