"""The sockets, all on one page. They speak desired state; whatever varies (proxy, source, store, notifier) is a plug.

A plug is a frozen dataclass: its fields are its options, its methods are the socket. A failure that the caller must
live with is a value; what is a bug or a broken installation raises a VerdigrisError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from verdigris.core.model.command import Announce, Command
from verdigris.core.model.compared import ComparedPair
from verdigris.core.model.environment import Environment
from verdigris.core.model.event import Event
from verdigris.core.model.meter import Evaluation, Family
from verdigris.core.model.observation import Observation
from verdigris.core.model.quality import Budget
from verdigris.core.model.reading import Usage
from verdigris.core.model.rollout import Rollout
from verdigris.core.model.sample import Exchange, Sample
from verdigris.core.model.score import Score, ScoreFailure
from verdigris.core.model.split import Split
from verdigris.core.model.taps import Taps

# ------------------------------------------------------------------ traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What a data plane can do. `samples` and `mirrors`: whether it can copy bodies to a SampleSource, and mirror requests."""

    sticky: bool
    samples: bool = False
    mirrors: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What an environment is serving at this moment."""

    requests: int
    connections: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservedSplit:
    """What the data plane says of itself: `split` is None when it holds none of ours, `live` is by environment.

    `taps` are those in force with it. `running` is False while the data plane is down; `restarts` counts how often it was brought back.
    """

    split: Split | None
    live: dict[str, Live] = field(default_factory=dict)
    running: bool = True
    restarts: int = 0
    taps: Taps = field(default_factory=Taps)


class TrafficDriver(Protocol):
    """Moves traffic. `apply` returns once the split is in force and read back; it may be repeated at any time."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def open(self, initial: Split) -> None:
        """Starts or adopts the data plane. One that already holds a split of ours keeps it; else `initial` is used.

        Nothing is copied or mirrored until `tap` says so.

        Raises: PortTaken, UnknownEnvironment, TrafficError.
        """

    async def apply(self, split: Split) -> None:
        """Raises: UnknownEnvironment, NotApplied, TrafficError."""

    async def tap(self, taps: Taps) -> None:
        """Copies and mirrors what `taps` say from now on, also over later splits; the split stays as it is.

        Shares below a hundred-thousandth may be rounded. Raises: UnknownEnvironment, NotApplied, TrafficError; the last also for what
        the `capabilities` rule out.
        """

    async def observe(self) -> ObservedSplit: ...

    async def close(self, *, drain: float) -> None:
        """Stops taking new connections, waits up to `drain` seconds for live requests, then ends the data plane."""


# ------------------------------------------------------------------ metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What arrived since the last call, in time order.

    `lost` counts observations known to be missing, `late` those that arrived too old to use, `streams` the senders
    connected now: with none, nobody is watching.
    """

    observations: Sequence[Observation] = ()
    lost: int = 0
    late: int = 0
    streams: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LogCounts:
    """What a sender says of its log since it began: entries acknowledged and dropped, and its connections to us now."""

    sent: int
    dropped: int
    connections: int


class MetricSource(Protocol):
    """Delivers what requests did. Memory is bounded: what does not fit is counted as lost."""

    async def open(self) -> None: ...

    async def wait(self, seconds: float) -> None:
        """Returns when something is there to collect, or after `seconds`."""

    def collect(self, limit: int) -> Collected:
        """At most `limit` observations; the rest stays for the next call."""

    async def close(self) -> None: ...


# ------------------------------------------------------------------ samples


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """What arrived since the last call. `lost` counts exchanges that did not fit or came in pieces."""

    exchanges: Sequence[Exchange] = ()
    lost: int = 0


class SampleSource(Protocol):
    """Delivers copies of requests and answers. Live traffic never waits for it; memory is bounded, what does not fit is lost."""

    async def open(self) -> None: ...

    async def wait(self, seconds: float) -> None:
        """Returns when something is there to collect, or after `seconds`."""

    def collect(self, limit: int) -> Copied:
        """At most `limit` exchanges; the rest stays for the next call."""

    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """No whole answer came. `was_sent`: the request may have reached its environment, and so may have cost money."""

    why: Literal["timeout", "failed", "cut"]
    was_sent: bool


class Resender(Protocol):
    """Sends a copied request once more, past the gateway, so that it is no Observation."""

    async def send(
        self, exchange: Exchange, *, to: str, headers: Mapping[str, str], patience: float, largest: int
    ) -> Exchange | Unanswered:
        """The same method, path, headers and body to the base URL `to`, with `headers` in place of those the gateway sets.

        The answer stands in an Exchange of the same id; `largest` bounds its body in bytes, `patience` its end in seconds. Never raises.
        """

    async def close(self) -> None: ...


class Scorer(Protocol):
    """Gives its word on samples. A plug: a frozen dataclass whose fields are its options.

    `name` is the plug's own. `version` is a digest of everything that could change its word. `is_free` scorers cost no money and see all samples.
    It never raises for what it finds in a sample; what it raises all the same becomes a ScoreFailure.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def is_free(self) -> bool: ...

    async def score(self, sample: Sample) -> Score | ScoreFailure: ...


class PairScorer(Protocol):
    """Gives its word on two answers to one input; see Scorer. It must not be told, and may not guess, which side is the candidate."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def is_free(self) -> bool: ...

    async def compare(self, pair: ComparedPair) -> Score | ScoreFailure: ...


class Prices(Protocol):
    """What tokens cost."""

    def load(self) -> None:
        """Reads what is needed ahead of its first use, in a thread: it takes a moment. Doing it twice does no harm."""

    def cost(self, *, model: str | None, usage: Usage) -> float | None:
        """USD; None when the model is not known, or not enough of the usage. Never raises."""

    def most(self, *, model: str | None, input_tokens: int, output_tokens: int) -> float | None:
        """USD that an answer of at most this size can cost; None when the model is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Money set aside for one call. Settle it once, or it counts as spent in full."""

    id: int
    purse: str
    amount: float


class Till(Protocol):
    """Keeps money: what may be spent on each purse (`shadow`, `judge` …), over restarts and never beyond its budget."""

    async def open(self) -> None:
        """Doing it twice does no harm. Raises: StoreError."""

    async def reserve(
        self, purse: str, amount: float | None, *, budget: Budget, rollout: str, at: float
    ) -> Reservation | None:
        """Sets `amount` USD aside before a call; None when it does not fit. With an unknown amount one request is counted. Raises: StoreError."""

    async def settle(self, reservation: Reservation, spent: float | None) -> None:
        """What it really cost; None: not known, so all that was reserved. Raises: StoreError."""

    async def spent(self, purse: str, *, rollout: str, at: float) -> tuple[float, float]:
        """USD spent or reserved: on this rollout, and on the (UTC) day of `at`. Raises: StoreError."""

    async def close(self) -> None: ...


class Archive(Protocol):
    """Keeps samples and pairs for people to look at, for a bounded time and in a bounded size. Losing it harms nothing."""

    async def open(self) -> None: ...

    async def keep(self, sample: Sample) -> None:
        """Keeps it, or what is new of it. Raises: StoreError."""

    async def keep_pair(self, pair: ComparedPair) -> None:
        """Raises: StoreError."""

    async def samples(
        self, *, environment: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[Sample, ...]:
        """Newest first. Raises: StoreError."""

    async def pairs(
        self, rollout: str, *, kind: str = "", before: float | None = None, limit: int = 50
    ) -> tuple[ComparedPair, ...]:
        """Newest first. Raises: StoreError."""

    async def pair(self, id: str) -> ComparedPair:  # noqa: A002 -- the word people use for it
        """Raises: NotFound, StoreError."""

    async def forget(self, *, at: float) -> int:
        """Drops what is older or larger than the retention allows; how many. Raises: StoreError."""

    async def close(self) -> None: ...


# ------------------------------------------------------------------ store


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """A command that was decided and not yet reported back."""

    id: int
    command: Command


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A rollout as it stands in the store; `version` counts its commits."""

    rollout: Rollout
    version: int
    pending: tuple[Pending, ...] = ()
    ledger: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """One event of the log with its number, from 1."""

    number: int
    event: Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A piece of a rollout's record with its number, from 1. Once stored it never changes."""

    number: int
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """How much of a rollout's record is stored: the `number` of the last segment, 0 without any, and its `size` in bytes."""

    number: int = 0
    size: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to decide for one service. `token` rises with every change of holder and is checked at each commit."""

    service: str
    holder: str
    token: int


class Store(Protocol):
    """Remembers. One transaction a decision: event, state, outbox and, where given, the ledger."""

    async def open(self) -> None:
        """Raises: StoreUnreadable, StoreTooNew."""

    async def lease(self, service: str, holder: str) -> Lease:
        """Takes the lease, at once if its former holder is gone. Raises: LeaseHeld."""

    async def release(self, lease: Lease) -> None: ...

    async def latest(self, service: str) -> Stored | None: ...

    async def load(self, rollout: str) -> Stored:
        """Raises: NotFound."""

    async def commit(
        self,
        lease: Lease,
        *,
        event: Event,
        rollout: Rollout,
        commands: Sequence[Command],
        expected_version: int,
        done: Sequence[int] = (),
        ledger: bytes | None = None,
        record: Sequence[Segment] = (),
    ) -> int:
        """Writes one decision; returns the new version, which is also the event's number.

        `done` are the outbox numbers this event answers. `record` holds the segments that led to `ledger`; a number
        that is stored already is left as it is, so they may be given again after a doubtful write. `expected_version` 0 begins a rollout. After a StoreError
        that is neither StaleVersion nor LeaseHeld the decision may or may not stand: load before deciding again.

        Raises: StaleVersion, LeaseHeld, StoreError.
        """

    async def save_ledger(self, lease: Lease, rollout: str, ledger: bytes, *, record: Sequence[Segment] = ()) -> None:
        """Keeps evidence between decisions, with the segments that led to it. Raises: NotFound, LeaseHeld, StoreError."""

    async def settle(self, lease: Lease, done: Sequence[int]) -> None:
        """Marks outbox numbers done whose outcome is no event (announcements). Raises: LeaseHeld, StoreError."""

    async def events(self, rollout: str, *, after: int = 0, limit: int = 1000) -> tuple[Logged, ...]:
        """Those numbered above `after`, oldest first. Raises: NotFound."""

    async def record(self, rollout: str, *, after: int = 0, limit: int = 64) -> tuple[Segment, ...]:
        """The segments numbered above `after`, in order. Old rollouts' records are forgotten first. Raises: NotFound."""

    async def recorded(self, rollout: str) -> Recorded:
        """Raises: NotFound."""

    async def history(self, service: str, *, limit: int = 50) -> tuple[Rollout, ...]:
        """Newest first."""

    async def pending(self, rollout: str) -> tuple[Pending, ...]:
        """Oldest first. Raises: NotFound."""

    async def remember(self, lease: Lease, service: str, key: str, value: bytes) -> None:
        """Keeps a small value of a service (its baseline). Raises: LeaseHeld, StoreError."""

    async def recall(self, service: str, key: str) -> bytes | None: ...

    async def close(self) -> None: ...


# ------------------------------------------------------------------ exporters


class Exporter(Protocol):
    """Carries what was measured to another system. Nothing waits for it, and nothing depends on it."""

    async def export(self, families: Sequence[Family], evaluations: Sequence[Evaluation]) -> str:
        """Empty when all of it arrived, else one sentence on what went wrong. Never raises."""

    async def close(self) -> None: ...


# ------------------------------------------------------------------ notifiers


class Notifier(Protocol):
    """Tells people. A failure is logged by the caller and never stops a rollout."""

    async def post(self, service: str, rollout: str, announcement: Announce) -> None: ...


# ------------------------------------------------------------------ checks


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """What a check found: `reason` is one plain sentence, also when it passed; `hint` says what to do when it did not."""

    passed: bool
    reason: str
    hint: str = ""


class Check(Protocol):
    """Looks at an environment before any user does. Never raises for what it finds there."""

    async def run(self, environment: Environment) -> CheckResult: ...


class Trial(Protocol):
    """Puts the candidate to the test beside stable, before any user reaches it. Never raises for what it finds there."""

    async def run(self, candidate: Environment, *, beside: Environment) -> CheckResult: ...
