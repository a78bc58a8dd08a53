"""Taps in Envoy's words: which entries of a split are copied, and which requests are mirrored. Pure.

Copies. Each environment may stand in a list of weighted clusters twice, and the filter that copies (ext_proc, disabled by
default) is enabled on one of the two entries. Who draws between them is what keeps the sample independent of the split:

- A request drawn by lot has one random number for everything, so both choices are made in one draw: an entry's weight is
  the environment's weight times the share that is copied, or times the rest.
- A user who sticks chooses the environment by the hash of the key. There routes are matched by the request's random number,
  which the hash does not know, before the hash chooses: the first route copies all environments of which the number
  falls under the share, the next one those of the next larger share, the last one none. The buckets are the same in all
  of them, so no user ever moves, and not always the same users are copied.

Mirrors. The chosen entry names the cluster of the mirrored copy in a header, so that an environment is never mirrored to itself.
Mirror clusters have limits of their own: a slow or dead environment takes nothing from those that serve.

Formats: envoy.config.route.v3 (WeightedCluster, RouteAction.RequestMirrorPolicy) and
envoy.extensions.filters.http.ext_proc.v3 of Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verdigris.adapters.copied import ENVIRONMENT, RELEASE, encoded
from verdigris.adapters.line import OWN_CLUSTERS
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, Target
from verdigris.core.model.split import Share, Split
from verdigris.core.model.taps import Mirror, Taps

Json = dict[str, Any]

PARTS = 100_000
"""Into which a copied share is rounded. Times the split's 10,000 buckets it stays below the 2^32 that Envoy adds weights up to."""
FILTER = "envoy.filters.http.ext_proc"
SAMPLER = f"{OWN_CLUSTERS}sampler"
MIRROR_TO = "X-Verdigris-Mirror"
_PER_ROUTE = "envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute"
_FILTER = "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"
_MILLION = 1_000_000
_DENOMINATORS = {100: "HUNDRED", 10_000: "TEN_THOUSAND", _MILLION: "MILLION"}
_CLOSED_AFTER = "2s"


def parts(taps: Taps, environment: str) -> int:
    """Of PARTS, how many of the environment's requests are copied: never none where some are asked for."""
    share = taps.sampled.get(environment, 0.0)
    return max(1, round(share * PARTS)) if share > 0 else 0


def thresholds(taps: Taps, split: Split) -> list[int]:
    """The different shares above none, in PARTS, the smallest first."""
    return sorted({parts(taps, share.environment) for share in split.shares} - {0})


def copying(share: Share) -> Json:
    """What enables the copying filter on one entry."""
    said = ((ENVIRONMENT, share.environment), (RELEASE, share.release))
    metadata = [{"key": key, "value": encoded(value).replace("%", "%%")} for key, value in said]
    overrides = {"grpc_initial_metadata": metadata}
    return {FILTER: {"@type": f"type.googleapis.com/{_PER_ROUTE}", "overrides": overrides}}


def below(threshold: int) -> Json:
    """Matches this part (of PARTS) of the requests, by the request's own random number."""
    return {"runtime_fraction": {"default_value": _fraction(threshold * (_MILLION // PARTS), _MILLION)}}


def under(prefix: str) -> Json:
    """Matches paths whose first segments are the prefix's."""
    return {"prefix": prefix} if prefix.endswith("/") else {"path_separated_prefix": prefix}


def uncopied(options: EnvoyOptions) -> list[Json]:
    """Matches of what is never copied and never mirrored: upgraded connections, and paths that are off."""
    upgrade = {"prefix": "/", "headers": [{"name": "upgrade", "present_match": True}]}
    return [upgrade, *(under(path) for path in options.uncopied)]


def mirroring(mirror: Mirror, split: Split, target: Target, options: EnvoyOptions) -> Json:
    """The policy of one route. The copy says what it is, and of which environment and release; its host is the request's own."""
    releases = {e.name: e.release.id for e in options.environments}
    releases |= {share.environment: share.release for share in split.shares}
    stamps = {"X-Shadow": "1", "X-Deploy-Env": mirror.to, "X-Release-Id": releases[mirror.to]}
    policy: Json = {
        "cluster_header": MIRROR_TO,
        "runtime_fraction": {"default_value": _exact(mirror.share)},
        "trace_sampled": False,
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [{"remove": MIRROR_TO}, *({"append": header(*stamp)} for stamp in stamps.items())],
    }
    if target.tls:
        policy["host_rewrite_literal"] = target.host
    return {"request_mirror_policies": [policy]}


def mirror_cluster(environment: str) -> str:
    return f"{OWN_CLUSTERS}mirror.{environment}"


def header(key: str, value: str) -> Json:
    return {"header": {"key": key, "value": value.replace("%", "%%")}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def http_filter() -> Json:
    """Copies heads and bodies as they pass and waits for nobody; off where no entry enables it."""
    sent = {"request_header_mode": "SEND", "response_header_mode": "SEND"}
    streamed = {"request_body_mode": "STREAMED", "response_body_mode": "STREAMED"}
    trailers = {"request_trailer_mode": "SKIP", "response_trailer_mode": "SEND"}
    return {
        "name": FILTER,
        "disabled": True,
        "typed_config": {
            "@type": f"type.googleapis.com/{_FILTER}",
            "grpc_service": {"envoy_grpc": {"cluster_name": SAMPLER}},
            "processing_mode": {**sent, **streamed, **trailers},
            "observability_mode": True,
            "deferred_close_timeout": _CLOSED_AFTER,
            "failure_mode_allow": True,
        },
    }


def memo(taps: Taps) -> Json:
    mirror = taps.mirror
    told = None if mirror is None else {"to": mirror.to, "share": mirror.share, "paths": list(mirror.paths)}
    return {"sampled": dict(taps.sampled), "mirror": told}


def read_memo(told: Mapping[str, Any]) -> Taps:
    """Raises: KeyError, TypeError, ValueError when it is none."""
    mirror = told["mirror"]
    return Taps(
        sampled=dict(told["sampled"]),
        mirror=None if mirror is None else Mirror(to=mirror["to"], share=mirror["share"], paths=tuple(mirror["paths"])),
    )


def _exact(share: float) -> Json:
    """With the smallest denominator that holds the share.

    Envoy takes one random number modulo the denominator, for this and for the copied share: the lower digits of a number
    that is small modulo a million are free.
    """
    for denominator in _DENOMINATORS:
        numerator = share * denominator
        if abs(numerator - round(numerator)) < 1e-9 * denominator:
            return _fraction(round(numerator), denominator)
    return _fraction(round(share * _MILLION), _MILLION)


def _fraction(numerator: int, denominator: int) -> Json:
    return {"numerator": numerator, "denominator": _DENOMINATORS[denominator]}
