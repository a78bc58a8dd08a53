"""The pure part: standard library and numpy only; no clock, network, file, logging, randomness or framework."""
