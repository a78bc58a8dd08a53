"""A Split as Envoy's route configuration, and back. Pure.

Stickiness needs no filter: Envoy hashes (xxHash64) a request header after rewriting it by a regular expression, and the
rewrite puts the rollout's salt before the user's key. The bucket is that hash modulo 10,000; shares take the buckets from
0 upwards in their order, so raising the first share only ever adds users to it. A request without the key matches the
second route and is drawn by lot.

Formats: envoy.config.route.v3.RouteConfiguration and envoy.service.discovery.v3.DiscoveryResponse of Envoy 1.40.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from verdigris.adapters.line import NAMESPACE, OWN_CLUSTERS
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, target
from verdigris.core.model.split import Share, Split, Sticky

NAME = "verdigris"
TOTAL = 10_000
"""Buckets: a weight in percent has two decimals at most."""
ANY_BYTES = r"(?s)\C+"
RETRY_ON = "connect-failure,refused-stream,reset-before-request"
"""Only where nothing of the request can have reached the environment; always to the same environment."""

Json = dict[str, Any]


def resource(split: Split, options: EnvoyOptions) -> Json:
    """The route configuration that puts `split` in force; it carries the split itself as metadata, to be read back."""
    routes = [_forward(f"{OWN_CLUSTERS}forward.{i}", f.prefix) for i, f in enumerate(options.forwards)]
    action = _action(split, options)
    if split.sticky is not None:
        routes.append(_sticky_route(split.sticky, split.salt, action))
    routes.append({"name": "lot", "match": {"prefix": "/"}, "route": action, "metadata": _memo(split)})
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

    Weights are read from the clusters really weighted; releases, salt and stickiness from the metadata.
    """
    try:
        lot = next(r for r in route_config["virtual_hosts"][0]["routes"] if r.get("name") == "lot")
        memo = json.loads(lot["metadata"]["filter_metadata"][NAMESPACE]["split"])
        weighted = lot["route"]["weighted_clusters"]["clusters"]
        return Split(
            shares=tuple(
                Share(
                    environment=cluster["name"],
                    release=memo["releases"][cluster["name"]],
                    weight=cluster.get("weight", 0) * 100 / TOTAL,
                )
                for cluster in weighted
            ),
            salt=memo["salt"],
            sticky=Sticky(**memo["sticky"]) if memo["sticky"] else None,
        )
    except (KeyError, IndexError, StopIteration, TypeError, ValueError):
        return None


def _memo(split: Split) -> Json:
    sticky = {"source": split.sticky.source, "name": split.sticky.name} if split.sticky else None
    releases = {share.environment: share.release for share in split.shares}
    text = json.dumps({"salt": split.salt, "sticky": sticky, "releases": releases}, sort_keys=True)
    return {"filter_metadata": {NAMESPACE: {"split": text}}}


def _forward(cluster: str, prefix: str) -> Json:
    return {"match": {"prefix": prefix}, "route": {"cluster": cluster, "timeout": "0s"}}


def _action(split: Split, options: EnvoyOptions) -> Json:
    return {
        "weighted_clusters": {"clusters": [_share(share, options) for share in split.shares]},
        "timeout": "0s",
        "retry_policy": {
            "retry_on": RETRY_ON,
            "num_retries": 2,
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.050s"},
        },
    }


def _share(share: Share, options: EnvoyOptions) -> Json:
    stamped = [_header("X-Deploy-Env", share.environment), _header("X-Release-Id", share.release)]
    cluster: Json = {
        "name": share.environment,
        "weight": round(share.weight * TOTAL / 100),
        "request_headers_to_add": stamped,
        "response_headers_to_add": stamped,
    }
    url = next(e.url for e in options.environments if e.name == share.environment)
    place = target(url)
    if place.tls:  # a TLS name is usually shared by many sites: only its own host name leads to this one
        cluster["host_rewrite_literal"] = place.host
    return cluster


def _header(key: str, value: str) -> Json:
    return {"header": {"key": key, "value": value.replace("%", "%%")}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _sticky_route(sticky: Sticky, salt: str, action: Json) -> Json:
    header, pattern, kept = _key(sticky)
    prefix = hashlib.sha256(salt.encode()).hexdigest()[:16]  # hexadecimal: nothing in it means anything to a regex
    weighted = {**action["weighted_clusters"], "use_hash_policy": True}
    rewrite = {"pattern": {"regex": pattern}, "substitution": f"{prefix}/{kept}"}
    policy = {"header": {"header_name": header, "regex_rewrite": rewrite}}
    return {
        "name": "sticky",
        "match": {
            "prefix": "/",
            "headers": [{"name": header, "string_match": {"safe_regex": {"regex": pattern}}}],
        },
        "route": {**action, "weighted_clusters": weighted, "hash_policy": [policy]},
    }


def _key(sticky: Sticky) -> tuple[str, str, str]:
    """Header name, a regex (RE2) that matches the whole header, and what of it is the key."""
    match sticky.source:
        case "header":
            return sticky.name.lower(), f"({ANY_BYTES})", r"\1"
        case "cookie":
            name = re.escape(sticky.name)
            return "cookie", rf'(?s)(?:\C*;)?[ \t]*{name}="?([^;"]+)\C*', r"\1"
