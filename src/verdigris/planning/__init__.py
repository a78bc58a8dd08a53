"""What a rollout would do, tried out beforehand: simulated requests, the real judge, the real `decide`.

Nothing here asks a clock, opens a file or makes its own luck: the random generator is handed in, and the same seed gives
the same plan.
"""
