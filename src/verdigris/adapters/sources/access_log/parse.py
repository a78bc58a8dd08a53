"""An access log line to an Observation: the one place. The line's fields are named in `verdigris.adapters.line`.

How an exchange that did not end well is told, by Envoy's response flags:

- The environment failed (`UF`, `UC`, `UR`, `UT` …): `gateway_error` holds the flag. When the answer had begun with a good
  status and then broke off, the status becomes 0: the user could not use it.
- The client went away (`DC`): not the environment's failure. Before an answer began the status is 499, as in nginx's
  logs; after that it stays as it was. The duration is then the client's patience, a lower bound.
- An upgraded connection (101, WebSocket) is measured up to its handshake: how and when it ends says nothing of quality.
- No environment was ever chosen (no route, a bad request, the controller's own API): no observation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from enum import Enum
from math import isfinite

from verdigris.adapters.line import INNER, OWN_CLUSTERS, SEPARATOR, UNKNOWN, Answer, Field, in_answer, in_line
from verdigris.adapters.sources.access_log.kinds import Kinds
from verdigris.core.model.observation import Observation, is_failure
from verdigris.core.model.strata import StrataBy

ENVIRONMENT_FAILED = frozenset(
    ("UF", "UH", "UT", "UC", "UR", "UO", "URX", "LR", "UPE", "UMSDR", "DF", "NC", "SI", "LH", "OM", "UNC")
)
CLIENT_LEFT = "DC"
CLIENT_CLOSED = 499
_UPGRADED = 101

_SEPARATOR = SEPARATOR.encode()
_INNER = INNER.encode()
_UNKNOWN = UNKNOWN.encode()
_OWN = OWN_CLUSTERS.encode()
_NO_ANSWER = (None,) * 7
_REMEMBERED = 1_000
_HIGHEST = 999  # of statuses
_LONGEST = 1e9  # seconds, thirty years
_LARGEST = 2**63 - 1  # bytes, as Envoy counts them


class Skipped(Enum):
    """Why a line is no observation."""

    UNROUTED = "unrouted"  # no environment was chosen
    UNKNOWN_ENVIRONMENT = "unknown_environment"
    MALFORMED = "malformed"


class Words:
    """Turns the few different byte strings of a log (releases, models, reasons) into the same few `str`, quickly."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def __getitem__(self, raw: bytes) -> str:
        word = self._known.get(raw)
        if word is None:
            word = raw.decode(errors="replace")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[raw] = word
        return word


def parser(
    environments: Collection[str], *, service: str, strata: tuple[StrataBy, ...] = ()
) -> Callable[[bytes, int], Observation | Skipped]:
    """A function from a line and its start time (unix nanoseconds) to what it says.

    The user's key becomes a 64-bit hash here and goes no further; `service` keeps hashes of different services apart.
    `strata` must be those the line was written with.
    """
    names = {name.encode(): name for name in environments}
    words = Words()
    person = hashlib.sha256(service.encode()).digest()[:16]
    blake = hashlib.blake2b
    kinds = Kinds(strata) if strata else None
    fields, said = len(Field) + len(in_line(strata)), len(Answer) + len(in_answer(strata))

    def parse(line: bytes, started: int) -> Observation | Skipped:
        parts = line.split(_SEPARATOR, fields - 1)
        if len(parts) != fields:
            return Skipped.MALFORMED
        cluster, code, flags, release, exact, coarse, first, received, sent, answer, *own, key = parts
        environment = names.get(cluster)
        if environment is None:
            unrouted = cluster == _UNKNOWN or cluster.startswith(_OWN)
            return Skipped.UNROUTED if unrouted else Skipped.UNKNOWN_ENVIRONMENT
        try:
            status, error = int(code), ""
            duration = int(exact) / 1e6 if exact != _UNKNOWN else int(coarse) / 1e3
            ended = started / 1e9 + duration
            ttfb = int(first) / 1e6 if first != _UNKNOWN else None
            received_bytes, sent_bytes = int(received), int(sent)
        except (ValueError, OverflowError):
            return Skipped.MALFORMED
        if not (0 <= status <= _HIGHEST and 0.0 <= duration <= _LONGEST):
            return Skipped.MALFORMED
        if not (0 <= received_bytes <= _LARGEST and 0 <= sent_bytes <= _LARGEST):
            return Skipped.MALFORMED
        if status == _UPGRADED:
            duration = duration if ttfb is None else ttfb
        elif flags != _UNKNOWN:
            status, error = _outcome(status, flags.decode(errors="replace"))
        tokens_in, tokens_out, cost, quality, reason, model, refused = (
            _NO_ANSWER if answer == _UNKNOWN else _answer(answer, words, said)
        )
        unit = None
        if key != _UNKNOWN and key:
            unit = int.from_bytes(blake(key, digest_size=8, person=person).digest())
        return Observation(
            at=ended,
            environment=environment,
            status=status,
            duration=duration,
            time_to_first_byte=ttfb,
            release=words[release] if release != _UNKNOWN else "",
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost=cost,
            quality=quality,
            refusal=refused,
            finish_reason=reason,
            response_model=model,
            request_bytes=received_bytes,
            response_bytes=sent_bytes,
            unit=unit,
            gateway_error=error,
            stratum=kinds.of(own, answer, failed=is_failure(status)) if kinds is not None else "",
        )

    return parse


def _outcome(status: int, flags: str) -> tuple[int, str]:
    """Status and gateway error of an exchange that Envoy flagged."""
    raised = flags.split(",")
    if CLIENT_LEFT in raised:
        return status or CLIENT_CLOSED, ""
    failed = [flag for flag in raised if flag in ENVIRONMENT_FAILED]
    if not failed:
        return status, ""
    return (status if status >= 400 else 0), ",".join(failed)


_Answer = tuple[int | None, int | None, float | None, float | None, str | None, str | None, bool | None]


def _answer(raw: bytes, words: Words, parts_said: int) -> _Answer:
    parts = raw.split(_INNER)
    if len(parts) != parts_said:
        return _NO_ANSWER
    tokens_in, tokens_out, cost, quality, reason, model, refusal = parts[: len(_NO_ANSWER)]
    finish = words[reason] if reason != _UNKNOWN and reason else None
    return (
        _count(tokens_in),
        _count(tokens_out),
        _number(cost),
        _number(quality),
        finish,
        words[model] if model != _UNKNOWN and model else None,
        _refused(refusal != _UNKNOWN, finish),
    )


def _refused(refusal_text: bool, finish: str | None) -> bool | None:  # noqa: FBT001 -- called once, just above
    """None when the answer gives no word on it."""
    if refusal_text or finish == "content_filter":
        return True
    return None if finish is None else False


def _count(raw: bytes) -> int | None:
    value = _number(raw)
    return int(value) if value is not None and value >= 0 else None


def _number(raw: bytes) -> float | None:
    if raw == _UNKNOWN:
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if isfinite(value) else None
