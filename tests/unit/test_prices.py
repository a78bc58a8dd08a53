"""What tokens cost: bills worked out by hand, the price table's own sums, and what is not known."""

import socket
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as TableUsage
from genai_prices.data_snapshot import get_snapshot

from verdigris.adapters.prices.kept import MOST_LOOKUPS, MOST_MODELS, MOST_UNKNOWN, KeptPrices
from verdigris.core.model.quality import CustomPrice
from verdigris.core.model.reading import Usage

AT = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()


def prices(**more) -> KeptPrices:
    return KeptPrices(clock=lambda: AT, **more)


def cost(model, **tokens) -> float | None:
    return prices().cost(model=model, usage=Usage(**tokens))


@pytest.mark.parametrize(
    ("model", "tokens", "bill"),
    [
        # OpenAI gpt-4o: $2.50 in, $1.25 cached, $10 out, a million. 600 plain + 400 cached + 100 out:
        # 600 x 2.50 = 1,500; 400 x 1.25 = 500; 100 x 10 = 1,000; together 3,000 millionths.
        ("gpt-4o-2024-08-06", {"input": 1_000, "cache_read": 400, "output": 100}, 0.003),
        # Anthropic Claude 3.5 Sonnet: $3 in, $3.75 written to the cache, $0.30 read from it, $15 out.
        # 100 x 3 = 300; 2,000 x 3.75 = 7,500; 10,000 x 0.30 = 3,000; 500 x 15 = 7,500; together 18,300.
        (
            "claude-3-5-sonnet-20241022",
            {"input": 12_100, "cache_write": 2_000, "cache_read": 10_000, "output": 500},
            0.0183,
        ),
        # Gemini 2.5 Pro up to 200,000 input tokens: $1.25 in, $0.125 cached, $10 out, thoughts among the output.
        # 90,000 x 1.25 = 112,500; 10,000 x 0.125 = 1,250; 3,000 x 10 = 30,000; together 143,750.
        (
            "gemini-2.5-pro",
            {"input": 100_000, "cache_read": 10_000, "output": 3_000, "reasoning": 2_000},
            0.14375,
        ),
        # Above 200,000: $2.50 in and $15 out for all its tokens. 300,000 x 2.50 + 1,000 x 15 = 765,000.
        ("gemini-2.5-pro", {"input": 300_000, "output": 1_000}, 0.765),
        # Exactly 200,000 is still the lower price: 200,000 x 1.25 = 250,000.
        ("gemini-2.5-pro", {"input": 200_000, "output": 0}, 0.25),
        # OpenAI o3: $2 in, $0.50 cached, $8 out; what it thought is output. 4,000 x 2 = 8,000; 1,000 x 0.50 = 500;
        # 2,500 x 8 = 20,000; together 28,500.
        ("o3-2025-04-16", {"input": 5_000, "cache_read": 1_000, "output": 2_500, "reasoning": 2_000}, 0.0285),
        # OpenAI gpt-4o-mini: $0.15 in, $0.60 out. 10 x 0.15 + 1 x 0.60 = 2.1 millionths.
        ("gpt-4o-mini", {"input": 10, "output": 1}, 0.0000021),
        # Anthropic Claude Sonnet 4.5 above 200,000 input tokens, those of caches among them: $6 in, $7.50 written, $0.60 read,
        # $22.50 out. 10,000 x 6 = 60,000; 50,000 x 7.50 = 375,000; 150,000 x 0.60 = 90,000; 1,000 x 22.50 = 22,500;
        # together 547,500.
        (
            "claude-sonnet-4-5-20250929",
            {"input": 210_000, "cache_write": 50_000, "cache_read": 150_000, "output": 1_000},
            0.5475,
        ),
        # Gemini's own name for Gemini 2.5 Flash: $0.30 in, $0.03 cached, $2.50 out. 7,000 x 0.30 = 2,100; 3,000 x 0.03 = 90;
        # 400 x 2.50 = 1,000; together 3,190.
        ("models/gemini-2.5-flash", {"input": 10_000, "cache_read": 3_000, "output": 400, "reasoning": 300}, 0.00319),
        # Perplexity Sonar: $1 in, $1 out, and $12 a thousand requests. 100 + 200 millionths and 0.012.
        ("sonar", {"input": 100, "output": 200}, 0.0123),
        # Perplexity Sonar Deep Research: $2 in, $8 out, $3 for thoughts. 1,000 x 2 + 400 x 8 + 600 x 3 = 7,000.
        ("sonar-deep-research", {"input": 1_000, "output": 1_000, "reasoning": 600}, 0.007),
        # An embedding has no output: 1,000 x 0.02 = 20.
        ("text-embedding-3-small", {"input": 1_000}, 0.00002),
        # Amazon Nova Pro: $0.80 in, $0.20 read from the cache, $3.20 out. 500 x 0.80 + 500 x 0.20 + 100 x 3.20 = 820.
        ("amazon.nova-pro-v1:0", {"input": 1_000, "cache_read": 500, "output": 100}, 0.00082),
        # Amazon Bedrock's name for Claude 3.5 Sonnet: 1,000 x 3 + 1,000 x 15 = 18,000.
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", {"input": 1_000, "output": 1_000}, 0.018),
    ],
)
def test_bills_worked_out_by_hand(model, tokens, bill):
    assert cost(model, **tokens) == pytest.approx(bill, rel=1e-9)


USAGES = [
    {"input_tokens": 1, "output_tokens": 1},
    {"input_tokens": 5_000, "output_tokens": 700, "cache_read_tokens": 3_000},
    {"input_tokens": 250_001, "output_tokens": 9_000, "cache_read_tokens": 100_000},
    {"input_tokens": 40_000, "output_tokens": 10, "cache_write_tokens": 30_000},
    {"input_tokens": 1_100_000, "output_tokens": 64_000},
]


def test_every_model_of_the_table_costs_what_the_table_says():
    """Its own sum is the oracle, for each model of four vendors that is priced by tokens alone."""
    compared, at = 0, datetime.fromtimestamp(AT, tz=UTC)
    for provider in get_snapshot().providers:
        if provider.id not in {"openai", "anthropic", "google", "aws"}:
            continue
        for model in provider.models:
            ours, table = prices(), model.get_prices(at)
            found = ours.cost(model=model.id, usage=Usage(input=1, output=1))
            if found is None:
                continue
            named = _named(model.id, provider.id)
            if named is not model:
                continue  # the name alone leads to another entry
            for usage in USAGES:
                if _lacks_a_cache_price(table, usage):
                    continue
                expected = float(table.calc_price(TableUsage(**usage))["total_price"])
                assert ours.cost(model=model.id, usage=_ours(usage)) == pytest.approx(expected, rel=1e-9), model.id
                compared += 1
    assert compared > 300


def test_whatever_bedrock_serves_is_found_by_its_name_there():
    """Those that stand in the table under a vendor's name, and Claude by the regions it is served from."""
    (bedrock,) = (provider for provider in get_snapshot().providers if provider.id == "aws")
    served = [model.id for model in bedrock.models if not model.id.startswith(("regional.", "global."))]
    claude = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    regions = [f"{region}.{claude}" for region in ("us", "eu", "apac", "jp", "au", "us-gov", "global")]
    tokens = {"input": 1_000, "output": 1_000}
    assert [name for name in served if "." in name and cost(name, **tokens) is None] == []
    assert [name for name in regions if cost(name, **tokens) is None] == []
    assert cost("qwen2.5-72b-of-ours", **tokens) is None


def _named(name, provider):
    for tried in ("aws", None) if provider == "aws" else (None,):
        try:
            return get_snapshot().find_provider_model(name, None, tried, None)[1]
        except LookupError:
            continue
    return None


def _lacks_a_cache_price(table, usage) -> bool:
    """The table then leaves these tokens out or refuses; we price them as any input."""
    return any(
        f"{kind}_tokens" in usage and getattr(table, f"{kind}_mtok") is None for kind in ("cache_read", "cache_write")
    )


def _ours(usage) -> Usage:
    return Usage(
        input=usage["input_tokens"],
        output=usage["output_tokens"],
        cache_read=usage.get("cache_read_tokens"),
        cache_write=usage.get("cache_write_tokens"),
    )


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("a-model-nobody-knows", {"input": 10, "output": 10}),
        (None, {"input": 10, "output": 10}),
        ("", {"input": 10, "output": 10}),
        ("gpt-4o", {"input": None, "output": 10}),
        ("gpt-4o", {"input": 10, "output": None}),
        ("gpt-4o", {"input": 10, "output": 3, "partial": True}),
        ("text-embedding-3-small", {"input": None, "output": 10}),
    ],
)
def test_what_is_not_known_has_no_cost(model, tokens):
    assert cost(model, **tokens) is None


def test_unknown_models_are_told_and_bounded():
    kept = prices()
    for number in range(1_000):
        kept.cost(model=f"model-{number}", usage=Usage(input=1, output=1))
    assert kept.unknown == tuple(f"model-{number}" for number in range(MOST_UNKNOWN))
    assert kept.cost(model="gpt-4o", usage=Usage(input=1_000_000, output=0)) == pytest.approx(2.5)


def test_ever_new_names_cost_a_bounded_time():
    """A price once found stays, own prices are always known, and after a while there is time for new names again."""
    now = [AT]
    kept = KeptPrices(clock=lambda: now[0], custom=(CustomPrice(model="own-*", input=1.0, output=1.0),))
    one = Usage(input=1_000_000, output=0)
    assert kept.cost(model="gpt-4o", usage=one) == pytest.approx(2.5)
    for number in range(MOST_LOOKUPS):
        kept.cost(model=f"model-{number}", usage=one)
    assert len(kept._known) <= MOST_MODELS
    assert kept.cost(model="gpt-4o", usage=one) == pytest.approx(2.5)
    assert kept.cost(model="own-1", usage=one) == pytest.approx(1.0)
    assert kept.cost(model="gpt-4o-mini", usage=one) is None
    now[0] += 601.0
    assert kept.cost(model="gpt-4o-mini", usage=one) == pytest.approx(0.15)
    now[0] += 601.0
    for number in range(MOST_LOOKUPS):
        kept.cost(model=f"another-{number}", usage=one)
    assert kept.cost(model="gpt-4o-mini", usage=one) == pytest.approx(0.15), "an older price is better than none"


def test_own_prices_come_first_and_the_most_exact_name_wins():
    own = prices(
        custom=(
            CustomPrice(model="gpt-*", input=1.0, output=2.0),
            CustomPrice(model="gpt-4*", input=3.0, output=4.0, cache_read=0.5),
            CustomPrice(model="gpt-4o", input=5.0, output=6.0),
        )
    )
    million = Usage(input=1_000_000, output=1_000_000)
    assert own.cost(model="gpt-3.5", usage=million) == pytest.approx(3.0)
    assert own.cost(model="gpt-4-turbo", usage=million) == pytest.approx(7.0)
    assert own.cost(model="gpt-4o", usage=million) == pytest.approx(11.0)
    cached = Usage(input=1_000_000, cache_read=1_000_000, output=0)
    assert own.cost(model="gpt-4-turbo", usage=cached) == pytest.approx(0.5)
    assert own.cost(model="gpt-4o", usage=cached) == pytest.approx(5.0), "no price of its own: that of any input"


def test_a_model_stands_in_where_an_answer_names_none():
    kept = prices(model="gpt-4o")
    assert kept.cost(model=None, usage=Usage(input=1_000_000, output=0)) == pytest.approx(2.5)
    assert kept.cost(model="nobody", usage=Usage(input=1_000_000, output=0)) is None


def test_the_most_an_answer_can_cost_is_never_less_than_what_it_does():
    kept = prices()
    for model in ("gpt-4o", "claude-3-5-sonnet-20241022", "gemini-2.5-pro"):
        for size in (0, 10, 199_999, 200_001, 900_000):
            for written in (0, size // 2, size):
                usage = Usage(input=size, output=500, cache_write=written)
                paid, most = (
                    kept.cost(model=model, usage=usage),
                    kept.most(model=model, input_tokens=size, output_tokens=500),
                )
                assert paid is not None
                assert most is not None
                assert paid <= most + 1e-12
    assert kept.most(model="nobody", input_tokens=1, output_tokens=1) is None


def test_nothing_is_asked_of_the_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert cost("gpt-4o-mini", input=1_000_000, output=0) == pytest.approx(0.15)


def test_a_price_is_looked_up_again_after_a_while():
    """Some prices change with the hour; the table is asked anew, not for each request."""
    now = [AT]
    kept = KeptPrices(clock=lambda: now[0])
    kept.cost(model="gpt-4o", usage=Usage(input=1, output=1))
    first = kept._known["gpt-4o"]
    kept.cost(model="gpt-4o", usage=Usage(input=1, output=1))
    assert kept._known["gpt-4o"] is first
    now[0] += 700.0
    kept.cost(model="gpt-4o", usage=Usage(input=1, output=1))
    second = kept._known["gpt-4o"]
    assert second is not first
    now[0] -= 1.0
    kept.cost(model="gpt-4o", usage=Usage(input=1, output=1))
    assert kept._known["gpt-4o"] is not second, "a clock that was set back"
