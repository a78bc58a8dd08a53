"""What a right verdigris.yaml means."""

import pytest

from verdigris.core.model.errors import ConfigError
from verdigris.core.model.metric import DEFAULT_GUARDRAILS, Guardrail, Margin, Metric
from verdigris.core.model.release import Release
from verdigris.core.model.service import Fields, Gateway, Telemetry
from verdigris.core.model.split import Sticky
from verdigris.core.model.strategy import (
    DEFAULT_STRATEGY,
    Advance,
    ApproveStep,
    Otherwise,
    PauseStep,
    Policy,
    Strategy,
    WeightStep,
)
from verdigris.spec.load import from_urls, listening, load, loads
from verdigris.spec.strategy import PRESETS
from verdigris.spec.words import describe

BASE = """\
service: summarizer
environments:
  blue:  { url: http://127.0.0.1:3001 }
  green: { url: http://127.0.0.1:3002 }
"""
LAST = WeightStep(weight=100.0, hold=0.0, min_samples=0, advance=Advance.PROVEN)


def service(more="", environ=None):
    return loads(BASE + more, environ=environ).service


def steps(text):
    return service(f"strategy:\n  steps:\n{text}").strategy.steps


def test_two_lines_of_substance_are_enough():
    loaded = loads(BASE)
    assert loaded.service.name == "summarizer"
    assert [(each.name, each.url, each.health, each.ready) for each in loaded.service.environments] == [
        ("blue", "http://127.0.0.1:3001", None, None),
        ("green", "http://127.0.0.1:3002", None, None),
    ]
    assert loaded.service.gateway == Gateway()
    assert loaded.service.telemetry == Telemetry()
    assert loaded.service.strategy == DEFAULT_STRATEGY
    assert set(loaded.service.guardrails) == set(DEFAULT_GUARDRAILS)
    assert (loaded.api_host, loaded.api_port, loaded.api_token) == ("127.0.0.1", 8090, None)
    assert loaded.warnings == ()


def test_undeclared_releases_differ_between_sides_and_agree_between_machines():
    first, again = service(), service()
    blue, green = (each.release for each in first.environments)
    assert blue.id != green.id
    assert blue.version == green.version == "undeclared"
    assert [each.release for each in first.environments] == [each.release for each in again.environments]


def test_a_declared_release_is_its_content():
    made = loads(
        "service: s\nenvironments:\n"
        "  blue: { url: http://a:1, release: { version: 1.10, config: { model: m, temperature: 0.20 } } }\n"
        "  green: http://b\n"
    ).service
    assert made.environments[0].release == Release.of(version="1.10", config={"model": "m", "temperature": "0.20"})


def test_a_time_limit_that_leaves_no_time_for_a_proof_is_a_warning():
    text = BASE + "strategy: { steps: [ { weight: 10%, hold: 10s } ], time_limit: 1m }\n"
    assert loads(text).warnings[-1] == (
        "strategy.time_limit (1m) ends before gateway.timeout (2m): a PASS takes at least that long, so no rollout can be "
        "proven in time"
    )


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://a:3001", "http://a:3001"),
        ("http://a:3001/", "http://a:3001"),
        ("http://a", "http://a:80"),
        ("https://a", "https://a:443"),
        ("http://[::1]:3001", "http://[::1]:3001"),
    ],
)
def test_urls_are_brought_to_one_form(written, url):
    made = loads(f"service: s\nenvironments:\n  blue: {written}\n  green: {{ url: http://b }}\n").service
    assert made.environments[0].url == url


def test_every_key_of_the_fuller_shape():
    made = loads(
        "service: summarizer\n"
        "gateway: { driver: envoy, listen: 0.0.0.0:8080, timeout: 120s, sticky: { header: X-User-Id } }\n"
        "api: { listen: '[::1]:9901', token: '${TOKEN}' }\n"
        "environments:\n"
        "  blue: { url: http://blue:8080, health: /health, ready: /ready?deep=1 }\n"
        "  green: { url: http://green:8080, health: /health }\n"
        "telemetry: { format: fields, fields: { output: text, cost: off, quality: score, strip: true } }\n",
        environ={"TOKEN": "t0ken"},
    )
    assert made.service.gateway == Gateway(
        host="0.0.0.0", port=8080, timeout=120.0, sticky=Sticky(source="header", name="x-user-id")
    )
    assert made.service.telemetry == Telemetry(
        format="fields", fields=Fields(output="text", cost=None, quality="score", strip=True)
    )
    assert [(each.health, each.ready) for each in made.service.environments] == [
        ("/health", "/ready?deep=1"),
        ("/health", None),
    ]
    assert (made.api_host, made.api_port) == ("::1", 9901)
    assert made.api_token is not None
    assert made.api_token.get_secret_value() == "t0ken"
    assert "t0ken" not in repr(made)


def test_a_cookie_can_be_sticky_and_keeps_its_case():
    assert service("gateway: { sticky: { cookie: Session } }\n").gateway.sticky == Sticky(
        source="cookie", name="Session"
    )


# ------------------------------------------------------------------ strategy


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("- { weight: 10% }", WeightStep(weight=10.0)),
        (
            "- { weight: 0.5%, hold: 2h, min_samples: 7, advance: proven, timeout: 3h, otherwise: approve }",
            WeightStep(
                weight=0.5,
                hold=7200.0,
                min_samples=7,
                advance=Advance.PROVEN,
                timeout=10_800.0,
                otherwise=Policy.always(Otherwise.APPROVE),
            ),
        ),
        ("- pause", PauseStep()),
        ("- pause:", PauseStep()),
        ("- pause: 5m", PauseStep(duration=300.0)),
        ("- pause: { duration: 5m }", PauseStep(duration=300.0)),
        ("- approve", ApproveStep()),
        ("- approve:", ApproveStep()),
        ("- approve: { timeout: 2h, otherwise: hold }", ApproveStep(timeout=7200.0, otherwise=Otherwise.HOLD)),
    ],
)
def test_a_step_is_read_and_a_list_below_100_is_completed(written, step):
    assert steps(f"    {written}\n") == (step, LAST)


def test_a_last_step_that_is_written_is_not_added_again():
    assert steps("    - { weight: 100% }\n") == (LAST,)
    assert steps("    - { weight: 100%, hold: 5m }\n")[0].hold == 300.0


def test_the_times_around_the_steps():
    strategy = service(
        "strategy: { preset: linear, bake: 30m, keep_previous: 0, time_limit: 2d, otherwise: hold }\n"
    ).strategy
    assert strategy == Strategy(
        steps=PRESETS["linear"],
        bake=1800.0,
        keep_previous=0.0,
        time_limit=172_800.0,
        otherwise=Policy.always(Otherwise.HOLD),
    )


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_gives_all_traffic_without_proof(name):
    strategy = service(f"strategy: {name}\n").strategy
    assert strategy.steps == PRESETS[name]
    before, last = strategy.steps[:-1], strategy.steps[-1]
    assert isinstance(last, WeightStep)
    assert (last.weight, last.advance) == (100.0, Advance.PROVEN)
    assert all(isinstance(step, WeightStep) and step.min_samples >= 50 and step.hold > 0 for step in before)
    assert before


# ------------------------------------------------------------------ guardrails


@pytest.mark.parametrize(
    ("written", "metric", "guardrail"),
    [
        ("{ max_drop: 5% }", Metric.QUALITY, Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.05))),
        (
            "{ max_drop: 0.05, min: 0.7 }",
            Metric.QUALITY,
            Guardrail(metric=Metric.QUALITY, margin=Margin(absolute=0.05), limit=0.7),
        ),
        (
            "{ tolerance: 2%, min: 70% }",
            Metric.QUALITY,
            Guardrail(metric=Metric.QUALITY, margin=Margin(relative=0.1), tolerance=Margin(relative=0.02), limit=0.7),
        ),
        (
            "{ max_increase: 20%, max: 0.02 }",
            Metric.COST,
            Guardrail(metric=Metric.COST, margin=Margin(relative=0.2), limit=0.02),
        ),
        ("{ max_increase: 0.01 USD }", Metric.COST, Guardrail(metric=Metric.COST, margin=Margin(absolute=0.01))),
        (
            "{ max_increase: 2%, max: 10% }",
            Metric.ERROR_RATE,
            Guardrail(metric=Metric.ERROR_RATE, margin=Margin(absolute=0.02), limit=0.1),
        ),
        (
            "{ max: 20% }",
            Metric.REFUSAL_RATE,
            Guardrail(metric=Metric.REFUSAL_RATE, margin=Margin(absolute=0.02), limit=0.2),
        ),
        (
            "{ max_increase: 50%, max: 800ms }",
            Metric.LATENCY_P99,
            Guardrail(metric=Metric.LATENCY_P99, margin=Margin(relative=0.5), limit=0.8),
        ),
        (
            "{ max_increase: 200ms, tolerance: 50ms }",
            Metric.TTFB_P95,
            Guardrail(metric=Metric.TTFB_P95, margin=Margin(absolute=0.2), tolerance=Margin(absolute=0.05)),
        ),
        ("{}", Metric.COST, Guardrail(metric=Metric.COST, margin=Margin(relative=0.5))),
    ],
)
def test_a_guardrail_in_its_metrics_units_replaces_the_default(written, metric, guardrail):
    made = service(f"guardrails: {{ {metric.value}: {written} }}\n").guardrails
    assert guardrail in made
    others = {each for each in DEFAULT_GUARDRAILS if each.metric is not metric}
    assert set(made) == others | {guardrail}


def test_off_removes_a_guardrail():
    made = service("guardrails: { cost: off, quality: off }\n").guardrails
    assert {each.metric for each in made} == {Metric.ERROR_RATE, Metric.REFUSAL_RATE, Metric.LATENCY_P99}


@pytest.mark.parametrize("metric", Metric)
def test_every_metric_can_be_guarded(metric):
    key = "max_drop" if metric is Metric.QUALITY else "max_increase"
    (made,) = [
        each
        for each in service(f"quality: {{}}\nguardrails: {{ {metric.value}: {{ {key}: 10% }} }}\n").guardrails
        if each.metric is metric
    ]
    assert made.required
    assert made.margin == (Margin(absolute=0.1) if metric.is_rate else Margin(relative=0.1))


# ------------------------------------------------------------------ variables, anchors, warnings


@pytest.mark.parametrize(
    ("written", "environ", "url"),
    [
        ("${HOST_URL}", {"HOST_URL": "http://h:1"}, "http://h:1"),
        ("http://${HOST}:${PORT}", {"HOST": "h", "PORT": "2"}, "http://h:2"),
        ("http://${HOST:-d}:3", {}, "http://d:3"),
        ("http://${HOST:-d}:3", {"HOST": ""}, "http://d:3"),
        ('"http://${HOST}:4"', {"HOST": "h"}, "http://h:4"),
    ],
)
def test_variables_are_filled_in_even_unquoted_in_braces(written, environ, url):
    text = f"service: s\nenvironments: {{ blue: {{ url: {written} }}, green: http://b }}\n"
    assert loads(text, environ=environ).service.environments[0].url == url


def test_a_variable_cannot_become_structure_and_can_be_escaped():
    made = loads(
        "service: s\nenvironments:\n"
        "  blue: { url: http://a, release: { version: ${EVIL}, config: { prompt: 'say $${name}' } } }\n  green: http://b\n",
        environ={"EVIL": "1 }, health: { a: b"},
    ).service.environments[0]
    assert made.release.version == "1 }, health: { a: b"
    assert made.release.config == (("prompt", "say ${name}"),)


def test_anchors_and_merges():
    made = loads(
        "service: s\nenvironments:\n"
        "  blue: &one { url: http://a:1, health: /health }\n"
        "  green: { <<: *one, url: http://b:1 }\n"
    ).service
    assert [(each.url, each.health) for each in made.environments] == [
        ("http://a:1", "/health"),
        ("http://b:1", "/health"),
    ]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("service: s\nenvironments: { a: http://x, b: 'http://x:80/' }\n", "a and b have the same url"),
        (
            (
                "service: s\nenvironments:\n  a: { url: http://x, release: { version: 1 } }\n"
                "  b: { url: http://y, release: { version: 1 } }\n"
            ),
            "a and b hold the same release",
        ),
        (BASE + "api: { token: secret }\n", "api.token stands in the file itself"),
        (
            BASE + "guardrails: { quality: off, cost: off, error_rate: off, refusal_rate: off, latency_p99: off }\n",
            "every guardrail is off",
        ),
        (
            BASE
            + "strategy: { steps: [ { weight: 10%, hold: 50s }, { weight: 50%, hold: 1m }, { weight: 100%, hold: 1h } ] }\n",
            "the holds before 100% add up to 1m50s, less than gateway.timeout (2m): ",
        ),
        (
            BASE + "gateway: { timeout: 2h }\n",
            "a PASS takes 2h or more; if no answer is silent for that long, lower gateway.timeout",
        ),
        (BASE + "strategy: { steps: [ { weight: 10%, hold: 0s } ] }\n", "so a PASS takes 2m or more"),
    ],
)
def test_what_is_odd_but_allowed_is_a_warning(text, warning):
    (said,) = loads(text).warnings
    assert warning in said


@pytest.mark.parametrize(
    "text",
    [
        "strategy: { steps: [ { weight: 10%, hold: 1m }, { weight: 50%, hold: 1m } ] }\n",
        "strategy: { steps: [ { weight: 10%, hold: 9s } ] }\ngateway: { timeout: 9s }\n",
        "strategy: { steps: [ { weight: 100% } ] }\n",  # no candidate request comes before it
    ],
)
def test_holds_that_outlast_the_timeout_need_no_warning(text):
    assert loads(BASE + text).warnings == ()


def test_a_file_is_read_with_or_without_a_mark(tmp_path):
    file = tmp_path / "v.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load(file, environ={}).service == service()


# ------------------------------------------------------------------ flags


def test_two_urls_make_a_service():
    loaded = from_urls(blue="http://127.0.0.1:3001", green="http://127.0.0.1:3002")
    assert loaded.service.environments == service().environments
    assert loaded.service.strategy == DEFAULT_STRATEGY


def test_a_wrong_url_names_its_environment():
    with pytest.raises(ConfigError, match=r'environments\.green\.url: "nowhere" is not an http or https URL'):
        from_urls(blue="http://a", green="nowhere")


def test_flags_move_the_addresses():
    moved = listening(loads(BASE), gateway="0.0.0.0:80", api="[::1]:90")
    assert (moved.service.gateway.host, moved.service.gateway.port) == ("0.0.0.0", 80)
    assert (moved.api_host, moved.api_port) == ("::1", 90)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ({"gateway": "nowhere"}, r'--listen: "nowhere" is not an address'),
        ({"api": "nowhere"}, r'--api-listen: "nowhere" is not an address'),
        ({"gateway": "127.0.0.1:8090"}, "share one port"),
        ({"gateway": "127.0.0.1:3001"}, "the url of blue is the gateway's own address"),
    ],
)
def test_flags_that_cannot_be_meant(flags, complaint):
    with pytest.raises(ConfigError, match=complaint):
        listening(loads(BASE), **flags)


def test_ports_chosen_by_the_system_do_not_collide():
    moved = listening(loads(BASE), gateway="127.0.0.1:0", api="127.0.0.1:0")
    assert (moved.service.gateway.port, moved.api_port) == (0, 0)


# ------------------------------------------------------------------ words


def test_the_service_in_words():
    text = "\n".join(
        line
        for _, lines in describe(
            loads(
                BASE + "strategy: { steps: [ { weight: 5%, hold: 10m, timeout: 1h }, pause, { pause: 5m }, "
                "{ approve: { timeout: 2h } } ] }\n"
                "gateway: { sticky: { cookie: uid } }\n"
                "telemetry: { fields: { strip: true } }\n"
                "guardrails: { quality: { max_drop: 0.05, min: 0.7 }, cost: { max: 0.02 }, "
                "latency_p50: { max_increase: 200ms, tolerance: 50ms } }\n"
            )
        )
        for line in lines
    )
    for said in (
        "users are kept on one side by cookie uid",
        "1. 5% of the traffic, for 10m and until both sides answered 50 requests; undecided after 1h: rollback",
        "2. wait until somebody resumes",
        "3. wait for 5m",
        "4. wait for an approval; undecided after 2h: rollback",
        "5. 100% of the traffic, once proven harmless or approved",
        "taken out before the client sees them",
        "quality: less than 0.05 below stable's; at least 0.7 in any case",
        "cost: less than 50% above stable's; at most 0.02 USD in any case",
        "error_rate: less than 1 percentage point above stable's; at most 5% in any case",
        "latency_p50: less than 200ms above stable's, of which 50ms is accepted without proof of harm",
        "refusal_rate: less than 2 percentage points above stable's; at most 15% in any case (judged once it is reported)",
    ):
        assert said in text
