"""What is written for Envoy, without starting it: pure functions from options and splits to JSON and back."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verdigris.adapters.line import Field
from verdigris.adapters.traffic.envoy import answers, clusters, routes
from verdigris.adapters.traffic.envoy.bootstrap import bootstrap, line_format
from verdigris.adapters.traffic.envoy.options import EnvoyOptions, Forward, socket_path, target
from verdigris.adapters.traffic.envoy.process import flags
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.reading import Format
from verdigris.core.model.service import Fields, Telemetry
from verdigris.core.model.split import Share, Split, Sticky
from verdigris.core.model.strata import StrataBy
from verdigris.testing import builders as build

STICKIES = st.one_of(
    st.none(),
    st.builds(
        Sticky,
        source=st.sampled_from(["header", "cookie"]),
        name=st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True),
    ),
)


def options(**changes):
    return EnvoyOptions(
        **{"service": "s", "environments": build.a_service().environments, "state": Path("state"), **changes}
    )


def split(hundredths, salt="salt", sticky=None):
    weight = hundredths / 100
    shares = (
        Share(environment="green", release="r-2", weight=weight),
        Share(environment="blue", release="r-1", weight=round(100 - weight, 2)),
    )
    return Split(shares=shares, salt=salt, sticky=sticky)


@given(hundredths=st.integers(0, 10_000), salt=st.text(), sticky=STICKIES)
def test_a_split_survives_the_way_to_envoy_and_back(hundredths, salt, sticky):
    wanted = split(hundredths, salt, sticky)
    assert routes.read(json.loads(json.dumps(routes.resource(wanted, options())))) == wanted


@given(hundredths=st.integers(0, 10_000))
def test_the_first_share_takes_the_first_buckets(hundredths):
    config = routes.resource(split(hundredths, sticky=Sticky(source="header", name="x-user-id")), options())
    for route in config["virtual_hosts"][0]["routes"]:
        weighted = route["route"]["weighted_clusters"]["clusters"]
        assert [(cluster["name"], cluster["weight"]) for cluster in weighted] == [
            ("green", hundredths),
            ("blue", 10_000 - hundredths),
        ]


@pytest.mark.parametrize("strange", [{}, {"virtual_hosts": []}, {"virtual_hosts": [{"routes": [{"name": "lot"}]}]}])
def test_a_strange_route_configuration_is_no_split(strange):
    assert routes.read(strange) is None


def test_the_version_is_a_digest_of_the_content():
    first, again, other = (routes.discovery([{"a": value}])["version_info"] for value in (1, 1, 2))
    assert first == again != other


def test_the_salt_never_stands_in_the_rewrite_itself():
    config = routes.resource(split(50, "\\1 $& salt", Sticky(source="header", name="x-user-id")), options())
    rewrite = config["virtual_hosts"][0]["routes"][0]["route"]["hash_policy"][0]["header"]["regex_rewrite"]
    assert re.fullmatch(r"[0-9a-f]{16}/\\1", rewrite["substitution"])


def test_forwards_stand_before_the_split():
    config = routes.resource(split(50), options(forwards=(Forward(prefix="/deploy/", address="127.0.0.1:1"),)))
    first = config["virtual_hosts"][0]["routes"][0]
    assert first["match"] == {"prefix": "/deploy/"}
    assert first["route"]["cluster"] == "verdigris.forward.0"


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("http://a.test", "a.test", 80, False),
        ("https://a.test/", "a.test", 443, True),
        ("http://[::1]:8080", "::1", 8080, False),
    ],
)
def test_a_url_is_taken_apart(url, host, port, tls):
    place = target(url)
    assert (place.host, place.port, place.tls) == (host, port, tls)


@pytest.mark.parametrize(
    "url", ["", "a.test:80", "ftp://a.test", "http://", "http://a.test/path", "http://a.test:99999"]
)
def test_what_is_no_url_of_an_environment_is_refused(url):
    with pytest.raises(ConfigError):
        target(url)


def test_an_environment_over_tls_is_checked_by_name():
    secure = clusters.environment(build.an_environment("blue", url="https://ai.test"))
    context = secure["transport_socket"]["typed_config"]
    assert context["sni"] == "ai.test"
    assert context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"][0]["matcher"] == {
        "exact": "ai.test"
    }
    share = routes.resource(
        split(50),
        options(environments=(build.an_environment("green", url="https://ai.test"), build.an_environment("blue"))),
    )["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"][0]
    assert share["host_rewrite_literal"] == "ai.test"


def test_our_own_cluster_names_are_kept():
    with pytest.raises(ConfigError, match="verdigris"):
        clusters.environment(build.an_environment("verdigris.collector"))


def test_the_line_names_every_field():
    assert line_format(options()).count("\x1f") == len(Field) - 1
    assert "%REQ(x-user-id)%" in line_format(options(sticky=Sticky(source="header", name="x-user-id")))
    assert "request.headers['cookie']" in line_format(options(sticky=Sticky(source="cookie", name="sid")))


def test_kinds_stand_before_the_key_alone_and_only_where_they_are_told_apart():
    tier, language = StrataBy(source="header", name="x-tier"), StrataBy(source="field", name="language")
    route = StrataBy(source="route", values=("/api",))
    sticky = Sticky(source="header", name="x-user-id")
    plain = line_format(options(sticky=sticky))
    told = line_format(options(sticky=sticky, strata=(route, language, tier)))
    before, key = plain.rsplit("\x1f", 1)
    assert told == f"{before}\x1f%PATH(NQ:PATH):1024%\x1f%REQ(x-tier):400%\x1f{key}"
    assert line_format(options(sticky=sticky, strata=(language,))) == plain


def test_answers_are_searched_for_a_kind_only_where_one_is_declared():
    language = StrataBy(source="field", name="language")
    assert "kinds = nil" in answers.script(Telemetry())
    assert "kinds = nil" in answers.script(Telemetry(), (StrataBy(source="header", name="x-tier"),))
    assert "kinds = nil" not in answers.script(Telemetry(), (language,))


def test_nothing_is_read_or_logged_where_nobody_listens():
    text = json.dumps(bootstrap(options(), admin="/a.sock"))
    assert "lua" not in text
    assert "access_loggers" not in text
    text = json.dumps(bootstrap(options(collector="/log.sock"), admin="/a.sock"))
    assert "lua" in text
    assert "access_loggers" in text


def test_a_script_is_told_what_to_read_and_strip():
    def head(**telemetry):
        return answers.script(Telemetry(**telemetry)).splitlines()[0]

    assert "formats = { a = true, b = true, c = true, g = true, r = true }" in head()
    assert "strip = nil" in head()
    assert "formats = {  }" in head(format=Format.FIELDS)
    assert "formats = { a = true }" in head(format=Format.ANTHROPIC)
    assert "own = {}" in head(format=Format.OPENAI_CHAT)
    assert "strip = {" in head(fields=Fields(strip=True))
    assert "strip = nil" in head(fields=Fields(cost=None, quality=None, strip=True))
    assert len(re.findall(r"\[\"", head(fields=Fields(cost="_köst", quality=None)))) == 2, "raw and escaped"


def test_socket_paths_stay_short_and_apart(tmp_path):
    assert socket_path(tmp_path, "a.sock") == str(tmp_path / "a.sock") or len(str(tmp_path)) > 90
    deep, other = tmp_path / ("x" * 200), tmp_path / ("y" * 200)
    assert len(socket_path(deep, "a.sock")) <= 100
    assert socket_path(deep, "a.sock") == socket_path(deep, "a.sock") != socket_path(other, "a.sock")


def test_there_are_as_many_workers_as_cores_that_may_be_used(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3}, raising=False)
    assert flags(options())[:2] == ["--concurrency", "1"]
    assert flags(options(concurrency=4))[:2] == ["--concurrency", "4"]
