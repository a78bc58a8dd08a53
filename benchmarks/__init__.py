"""Measurements anyone can repeat: `python -m benchmarks.gateway`, `.switch`, `.ingest`, `.parts`, `.judge`, from the project's root.

Each prints a table, with `--json FILE` writes the same figures, and with `--quick` only shows that it runs. Loopback
only, bounded time, and every process that was started is ended. A missed aim is printed, never an error: machines differ.
"""

import os

# grpc says on stderr that it cannot follow a fork. Nothing here forks without starting another program at once.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
