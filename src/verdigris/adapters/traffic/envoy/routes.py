"""A Split as Envoy's route configuration, and back. Pure.

Stickiness needs no filter: Envoy hashes (xxHash64) a request header after rewriting it by a regular expression, and the
rewrite puts the rollout's salt before the user's key. The bucket is that hash modulo 10,000; shares take the buckets from
0 upwards in their order, so raising the first share only ever adds users to it. A request without the key matches a later
route and is drawn by lot. What is copied and mirrored of either: tapping.py.

Formats: envoy.config.route.v3.RouteConfiguration and envoy.service.discovery.v3.DiscoveryResponse of Envoy 1.40.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from verdigris.adapters.line import NAMESPACE, OWN_CLUSTERS
from verdigris.adapters.traffic.envoy import tapping
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, Target, target
from verdigris.core.model.split import Share, Split, Sticky
from verdigris.core.model.taps import Taps

NAME = "verdigris"
LOT = "lot"
TOTAL = 10_000
"""Buckets: a weight in percent has two decimals at most."""
ANY_BYTES = r"(?s)\C+"
RETRY_ON = "connect-failure,refused-stream,reset-before-request"
"""Only where nothing of the request can have reached the environment; always to the same environment."""

Json = dict[str, Any]

_NOTHING = Taps()


def resource(split: Split, options: EnvoyOptions, taps: Taps = _NOTHING) -> Json:
    """The route configuration that puts `split` and `taps` in force; it carries both as metadata, to be read back."""
    routes = [_forward(f"{OWN_CLUSTERS}forward.{i}", f.prefix) for i, f in enumerate(options.forwards)]
    tapped = _Way(split=split, options=options, taps=replace(taps, mirror=None))
    if taps.environments:
        plain = _Way(split=split, options=options)
        for number, match in enumerate(tapping.uncopied(options)):
            routes += plain.routes(match, f"untouched.{number}.")
    if taps.mirror is not None:
        mirrored = _Way(split=split, options=options, taps=taps)
        for number, path in enumerate(taps.mirror.paths):
            routes += mirrored.routes(tapping.under(path), f"mirrored.{number}.")
    routes += tapped.routes({"prefix": "/"})
    routes[-1]["metadata"] = _memo(split, taps)
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": NAME,
        "most_specific_header_mutations_wins": True,
        "virtual_hosts": [{"name": NAME, "domains": ["*"], "routes": routes}],
    }


def discovery(resources: list[Json]) -> Json:
    """A file Envoy can watch; `version_info` is a digest of the content, so reading it back proves what is in force."""
    text = json.dumps(resources, sort_keys=True)
    return {"version_info": hashlib.sha256(text.encode()).hexdigest()[:16], "resources": resources}


def read(route_config: Mapping[str, Any]) -> Split | None:
    """The split in force according to a route configuration of Envoy's dump; None when it is not one of ours.

    Weights are read from the clusters really weighted, both entries of an environment added; releases, salt and stickiness
    from the metadata.
    """
    try:
        lot, memo = _told(route_config)
        weights: dict[str, int] = {}
        for cluster in lot["route"]["weighted_clusters"]["clusters"]:
            weights[cluster["name"]] = weights.get(cluster["name"], 0) + cluster.get("weight", 0)
        total = sum(weights.values())
        return Split(
            shares=tuple(
                Share(environment=name, release=memo["releases"][name], weight=weight * TOTAL // total * 100 / TOTAL)
                for name, weight in weights.items()
            ),
            salt=memo["salt"],
            sticky=Sticky(**memo["sticky"]) if memo["sticky"] else None,
        )
    except (KeyError, IndexError, StopIteration, TypeError, ValueError, ZeroDivisionError):
        return None


def read_taps(route_config: Mapping[str, Any]) -> Taps:
    """The taps that came with the split, from the metadata; none when there are none of ours."""
    try:
        return tapping.read_memo(_told(route_config)[1]["taps"])
    except (KeyError, IndexError, StopIteration, TypeError, ValueError):
        return _NOTHING


def _told(route_config: Mapping[str, Any]) -> tuple[Json, Json]:
    """The route by lot and the metadata it carries."""
    lot = next(r for r in route_config["virtual_hosts"][0]["routes"] if r.get("name") == LOT)
    return lot, json.loads(lot["metadata"]["filter_metadata"][NAMESPACE]["split"])


def _memo(split: Split, taps: Taps) -> Json:
    sticky = {"source": split.sticky.source, "name": split.sticky.name} if split.sticky else None
    releases = {share.environment: share.release for share in split.shares}
    said = {"salt": split.salt, "sticky": sticky, "releases": releases, "taps": tapping.memo(taps)}
    return {"filter_metadata": {NAMESPACE: {"split": json.dumps(said, sort_keys=True)}}}


def _forward(cluster: str, prefix: str) -> Json:
    return {"match": {"prefix": prefix}, "route": {"cluster": cluster, "timeout": "0s"}}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Way:
    """How the requests of one match are split and tapped."""

    split: Split
    options: EnvoyOptions
    taps: Taps = _NOTHING

    def routes(self, match: Json, name: str = "") -> list[Json]:
        """Those with a key first, by how much of them is copied; then the others, drawn by lot."""
        sticky, routes = self.split.sticky, []
        if sticky is not None:
            for number, threshold in enumerate((*tapping.thresholds(self.taps, self.split), None)):
                fraction = {} if threshold is None else tapping.below(threshold)
                keyed = {**match, **fraction, "headers": [*match.get("headers", ()), _has_key(sticky)]}
                routes.append({"name": f"{name}sticky.{number}", "match": keyed, "route": self._sticky(threshold)})
        return [*routes, {"name": f"{name}{LOT}", "match": match, "route": self._action(self._drawn())}]

    def _drawn(self) -> Json:
        """Environment and copy in one draw."""
        copied = {share.environment: tapping.parts(self.taps, share.environment) for share in self.split.shares}
        if not any(copied.values()):
            return {"clusters": [self._entry(share, 1) for share in self.split.shares]}
        entries = []
        for share in self.split.shares:
            parts = copied[share.environment]
            entries += [self._entry(share, parts, copied=True)] if parts else []
            entries += [self._entry(share, tapping.PARTS - parts)] if parts < tapping.PARTS else []
        return {"clusters": entries}

    def _sticky(self, threshold: int | None) -> Json:
        """The environment by the key's hash; copied are those of which at least the threshold is."""
        entries = [
            self._entry(
                share,
                1,
                copied=threshold is not None and tapping.parts(self.taps, share.environment) >= threshold,
            )
            for share in self.split.shares
        ]
        return {**self._action({"clusters": entries, "use_hash_policy": True}), "hash_policy": [_policy(self.split)]}

    def _entry(self, share: Share, parts: int, *, copied: bool = False) -> Json:
        """One environment with its weight in buckets, times `parts`."""
        stamped = [tapping.header("X-Deploy-Env", share.environment), tapping.header("X-Release-Id", share.release)]
        entry: Json = {
            "name": share.environment,
            "weight": round(share.weight * TOTAL / 100) * parts,
            "request_headers_to_add": stamped,
            "response_headers_to_add": stamped,
        }
        mirror = self.taps.mirror
        if mirror is not None and mirror.to != share.environment:
            to = tapping.header(tapping.MIRROR_TO, tapping.mirror_cluster(mirror.to))
            entry["request_headers_to_add"] = [*stamped, to]
        place = self._target(share.environment)
        if place.tls:  # a TLS name is usually shared by many sites: only its own host name leads to this one
            entry["host_rewrite_literal"] = place.host
        if copied:
            entry["typed_per_filter_config"] = tapping.copying(share)
        return entry

    def _action(self, weighted: Json) -> Json:
        mirror = self.taps.mirror
        return {
            "weighted_clusters": weighted,
            "timeout": "0s",
            "retry_policy": {
                "retry_on": RETRY_ON,
                "num_retries": 2,
                "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.050s"},
            },
            **({} if mirror is None else tapping.mirroring(mirror, self.split, self._target(mirror.to), self.options)),
        }

    def _target(self, environment: str) -> Target:
        return target(next(e.url for e in self.options.environments if e.name == environment))


def _has_key(sticky: Sticky) -> Json:
    header, pattern, _ = _key(sticky)
    return {"name": header, "string_match": {"safe_regex": {"regex": pattern}}}


def _policy(split: Split) -> Json:
    """Hashes the salt before the key."""
    assert split.sticky is not None  # noqa: S101 -- only routes of a split that sticks ask for it
    header, pattern, kept = _key(split.sticky)
    prefix = hashlib.sha256(split.salt.encode()).hexdigest()[
        :16
    ]  # hexadecimal: nothing in it means anything to a regex
    rewrite = {"pattern": {"regex": pattern}, "substitution": f"{prefix}/{kept}"}
    return {"header": {"header_name": header, "regex_rewrite": rewrite}}


def _key(sticky: Sticky) -> tuple[str, str, str]:
    """Header name, a regex (RE2) that matches the whole header, and what of it is the key."""
    match sticky.source:
        case "header":
            return sticky.name.lower(), f"({ANY_BYTES})", r"\1"
        case "cookie":
            name = re.escape(sticky.name)
            return "cookie", rf'(?s)(?:\C*;)?[ \t]*{name}="?([^;"]+)\C*', r"\1"
