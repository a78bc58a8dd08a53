"""The nouns, one a file. Frozen values; times are unix seconds (UTC) and durations seconds, both float."""
