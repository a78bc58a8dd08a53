"""Reads what travelled: answers and requests of every format, and takes out what must not be kept. Pure, and never raises."""
