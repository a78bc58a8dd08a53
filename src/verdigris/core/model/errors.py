"""Everything Verdigris raises on purpose.

    VerdigrisError
    ├── ConfigError          the file or the flags are wrong: where, which key, what was meant
    ├── RequestError         the caller asked for what cannot be
    │   ├── NotFound
    │   ├── Unauthorized
    │   ├── Forbidden
    │   └── Conflict         right words, wrong moment
    │       ├── RolloutInProgress
    │       ├── StaleStep
    │       └── WrongPhase
    ├── StoreError           what is remembered cannot be read or written
    │   ├── StoreUnreadable
    │   ├── StoreTooNew
    │   ├── StaleVersion     somebody committed in between
    │   └── LeaseHeld        another controller decides for this store
    └── TrafficError         the data plane did not do what was asked
        ├── UnknownEnvironment
        ├── PortTaken
        └── NotApplied

Each class carries a `code` that is part of the public API: it never changes its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class VerdigrisError(Exception):
    """Base of all errors raised on purpose; `hint` says what to do about it."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(VerdigrisError):
    """A configuration that cannot be used: names the place, the key and the nearest right one where known.

    `line` and `column` count from 1.
    """

    code = "config"

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        key: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self._parts: tuple[ConfigError, ...] = ()

    @classmethod
    def together(cls, errors: Sequence[ConfigError]) -> ConfigError:
        """One error for all that is wrong: the only one itself, or one whose message lists them, one a line."""
        if len(errors) == 1:
            return errors[0]
        joined = cls("\n".join(str(error) for error in errors))
        joined._parts = tuple(errors)
        return joined

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        """Each thing that is wrong."""
        return self._parts or (self,)

    @property
    def place(self) -> str:
        """`file:line:column`, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))

    def __str__(self) -> str:
        return f"{self.place}: {super().__str__()}" if self.place else super().__str__()


class RequestError(VerdigrisError):
    """The caller asked for what cannot be done."""

    code = "request"


class NotFound(RequestError):
    """There is no such rollout, service or environment."""

    code = "not_found"


class Unauthorized(RequestError):
    """The token is missing or wrong."""

    code = "unauthorized"


class Forbidden(RequestError):
    """This caller may not ask this, whatever the token."""

    code = "forbidden"


class Conflict(RequestError):
    """The request is sound, but not now."""

    code = "conflict"


class RolloutInProgress(Conflict):
    """A service has one rollout at a time."""

    code = "rollout_in_progress"


class StaleStep(Conflict):
    """The step that was named is no longer the current one."""

    code = "stale_step"


class WrongPhase(Conflict):
    """The rollout's phase does not allow this."""

    code = "wrong_phase"


class StoreError(VerdigrisError):
    """The store cannot be used; no decisions are made meanwhile and traffic stays."""

    code = "store"


class StoreUnreadable(StoreError):
    """The store's file is damaged, of another program, or may not be opened."""

    code = "store_unreadable"


class StoreTooNew(StoreError):
    """The store was written by a newer Verdigris."""

    code = "store_too_new"


class StaleVersion(StoreError):
    """The state changed between reading and writing: read again and decide again."""

    code = "stale_version"


class LeaseHeld(StoreError):
    """Another controller holds the lease, or took it over."""

    code = "lease_held"


class TrafficError(VerdigrisError):
    """The data plane did not do what it was asked."""

    code = "traffic"


class UnknownEnvironment(TrafficError):
    """A split names an environment that the data plane does not know."""

    code = "unknown_environment"


class PortTaken(TrafficError):
    """Another program listens where we were told to."""

    code = "port_taken"


class NotApplied(TrafficError):
    """The split was written, but reading back shows another one in force."""

    code = "not_applied"
