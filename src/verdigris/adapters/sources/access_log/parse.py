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

from verdigris.adapters.kinds import Kinds
from verdigris.adapters.line import OWN_CLUSTERS, SEPARATOR, UNKNOWN, Answer, Field, in_answer, in_line
from verdigris.adapters.sources.access_log.said import NOTHING, said
from verdigris.adapters.sources.access_log.words import Words
from verdigris.core.model.observation import Observation, is_failure
from verdigris.core.model.strata import StrataBy

ENVIRONMENT_FAILED = frozenset(
    ("UF", "UH", "UT", "UC", "UR", "UO", "URX", "LR", "UPE", "UMSDR", "DF", "NC", "SI", "LH", "OM", "UNC")
)
CLIENT_LEFT = "DC"
CLIENT_CLOSED = 499
_UPGRADED = 101

_SEPARATOR = SEPARATOR.encode()
_UNKNOWN = UNKNOWN.encode()
_OWN = OWN_CLUSTERS.encode()
_HIGHEST = 999  # of statuses
_LONGEST = 1e9  # seconds, thirty years
_LARGEST = 2**63 - 1  # bytes, as Envoy counts them


class Skipped(Enum):
    """Why a line is no observation."""

    UNROUTED = "unrouted"  # no environment was chosen
    UNKNOWN_ENVIRONMENT = "unknown_environment"
    MALFORMED = "malformed"


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
    fields, parts_said = len(Field) + len(in_line(strata)), len(Answer) + len(in_answer(strata))

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
        broke_off = False
        if status == _UPGRADED:
            duration = duration if ttfb is None else ttfb
        elif flags != _UNKNOWN:
            raised = flags.decode(errors="replace")
            status, error = _outcome(status, raised)
            broke_off = bool(error) or CLIENT_LEFT in raised.split(",")
        told = NOTHING if answer == _UNKNOWN else said(answer, words, parts_said, broke_off=broke_off)
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
            input_tokens=told.input,
            output_tokens=told.output,
            cost=told.cost,
            quality=told.quality,
            refusal=told.refused,
            finish_reason=told.finish,
            response_model=told.model,
            request_bytes=received_bytes,
            response_bytes=sent_bytes,
            unit=unit,
            gateway_error=error,
            stratum=kinds.of(own, answer, failed=is_failure(status)) if kinds is not None else "",
            cache_read_tokens=told.cache_read,
            cache_write_tokens=told.cache_write,
            reasoning_tokens=told.reasoning,
            fingerprint=told.fingerprint,
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
