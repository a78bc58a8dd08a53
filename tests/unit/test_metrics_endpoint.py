"""GET /metrics: who may read it, and what it answers."""

import asyncio
import subprocess
import sys

from support.asgi import api_client
from support.fake_controller import FakeController
from verdigris.api import exposition
from verdigris.cli.tables import cost_words
from verdigris.controller.pricing import CostHealth
from verdigris.wire import CostsView

TOKEN = "secret"


def test_without_a_token_this_machine_may_read_it():
    reply = api_client().get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert 'verdigris_requests_total{service="summarizer"} 3.0' in reply.text


def test_with_a_token_it_is_asked_for():
    client = api_client(token=TOKEN)
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/metrics", headers={"x-admin-token": TOKEN}).status_code == 200


def test_another_host_is_refused_without_a_token():
    assert api_client(base="http://evil.test").get("/metrics").status_code == 403


def test_open_metrics_are_answered_where_they_are_asked_for():
    reply = api_client().get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.text.endswith("# EOF\n")


def test_the_text_is_made_beside_the_loop(monkeypatch):
    """A real scrape of many series takes a tenth of a second."""
    made, exposed = [], exposition.exposed

    def noted(families, accept):
        made.append(is_in_a_loop())
        return exposed(families, accept)

    monkeypatch.setattr(exposition, "exposed", noted)
    assert api_client().get("/metrics").status_code == 200
    assert made == [False]


def is_in_a_loop():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def test_it_only_reads():
    controller = FakeController()
    assert api_client(controller).post("/metrics").status_code == 405
    assert controller.asked == []


def test_heavy_libraries_are_loaded_when_they_are_used():
    modules = "genai_prices", "prometheus_client", "opentelemetry.proto", "opentelemetry.sdk"
    code = (
        f"import sys, verdigris.assemble.plugs, verdigris.api.app; print([m for m in {modules!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_costs_in_words():
    assert cost_words(CostsView()) == ""
    assert cost_words(CostsView(reported=1_200)) == "1,200 reported"
    assert cost_words(CostsView(reported=900, estimated=90, unknown=10, models=("model-x", ""))) == (
        "900 reported, 90 estimated from tokens, 10 unknown: no price for model-x, answers that name no model"
    )


def test_what_a_person_who_compares_costs_should_know():
    assert CostHealth(reported=5).sentences == ()
    assert CostHealth(reported=900, estimated=90, unknown=10, models=("x", ""), mixed="not comparable").sentences == (
        "of 990 requests with a cost, 90 have it estimated from tokens",
        "the cost of 10 requests is unknown: no price for x, answers that name no model",
        "not comparable",
    )
