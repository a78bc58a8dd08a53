"""The scorers that come with Verdigris: one file each."""
