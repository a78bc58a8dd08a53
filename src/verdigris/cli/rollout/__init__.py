"""`verdigris rollout …`: one file a verb, each a call of the public API and a way to show its answer."""
