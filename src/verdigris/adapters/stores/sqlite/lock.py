"""Who may decide for a service: an advisory lock on a file beside the database.

The kernel frees the lock when its holder ends, however it ends, so a killed controller can be replaced at once and
no clock is involved. The file stays and names its last holder for the error message. `flock` locks belong to the open
file, so two stores in one process exclude each other too. Its reach is one machine; the token in the database, checked
at every commit, covers the rest.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from verdigris.core.model.errors import LeaseHeld


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldLock:
    """A lock that is ours until `release`, or until this process ends."""

    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def lock_path(database: Path, service: str) -> Path:
    """`verdigris.db` and `summarizer` give `verdigris.db.summarizer.lock`; odd names are escaped, long ones hashed."""
    name = quote(service, safe="")
    if len(name) > 100:
        name = hashlib.sha256(service.encode()).hexdigest()[:32]
    return database.with_name(f"{database.name}.{name}.lock")


def take_lock(database: Path, service: str, holder: str) -> HeldLock:
    """Returns at once. Raises: LeaseHeld, naming the holder; OSError where the file cannot be opened."""
    path = lock_path(database, service)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sign(descriptor, holder)
    except BlockingIOError:
        who = _signature(descriptor)
        os.close(descriptor)
        raise LeaseHeld(
            f"another controller{who} holds the lease of service {service!r} in {database}",
            hint="stop it first, or name another store; the lease is free as soon as that process has ended",
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    return HeldLock(descriptor=descriptor)


def _sign(descriptor: int, holder: str) -> None:
    text = json.dumps({"holder": holder, "host": socket.gethostname(), "pid": os.getpid()})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _signature(descriptor: int) -> str:
    """` (host X, pid N)`, or nothing when the holder has not signed yet."""
    try:
        signed = json.loads(os.pread(descriptor, 4096, 0))
        return f" ({signed['holder']}, host {signed['host']}, pid {signed['pid']})"
    except (ValueError, KeyError, TypeError):
        return ""
