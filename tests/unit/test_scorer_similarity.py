"""Similarity in meaning: a small model in numpy against the same sums written out, WordPiece, and an endpoint that may misbehave."""

import asyncio
import hashlib
import json
import math
import random
import struct

import numpy as np
import pytest

from support.endpoint import Answering
from verdigris import plugins
from verdigris.adapters.scorers.minilm.model import MiniLM, _erf
from verdigris.adapters.scorers.minilm.pieces import Pieces
from verdigris.adapters.scorers.minilm.weights import read
from verdigris.adapters.scorers.similarity import Similarity
from verdigris.assemble.scorers import _is_ours, gates
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.paid import told_cost
from verdigris.core.model.quality import ScorerUse
from verdigris.core.model.score import Score, Trouble
from verdigris.testing.providers.serving import serving
from verdigris.testing.samples import a_compared_pair, a_reading, a_sample

VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "hello",
    "world",
    "un",
    "##aff",
    "##able",
    "##a",
    ",",
    "!",
    "東",
    "京",
    "##s",
    "naive",
]
SIZE, WIDE, LAYERS, HEADS, PLACES, TINY = 8, 12, 2, 2, 300, 1e-6


def pair(ours, theirs):
    first, second = (a_sample(output=text, reading=a_reading(text=text)) for text in (ours, theirs))
    return a_compared_pair(stable=first, other=second)


# ------------------------------------------------------------------ a tiny model


def shapes():
    yield "embeddings.word_embeddings.weight", (len(VOCABULARY), SIZE)
    yield "embeddings.position_embeddings.weight", (PLACES, SIZE)
    yield "embeddings.token_type_embeddings.weight", (2, SIZE)
    norms = ["embeddings.LayerNorm."]
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        norms += [f"{at}attention.output.LayerNorm.", f"{at}output.LayerNorm."]
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            yield f"{at}{name}.weight", (SIZE, SIZE)
            yield f"{at}{name}.bias", (SIZE,)
        yield f"{at}intermediate.dense.weight", (WIDE, SIZE)
        yield f"{at}intermediate.dense.bias", (WIDE,)
        yield f"{at}output.dense.weight", (SIZE, WIDE)
        yield f"{at}output.dense.bias", (SIZE,)
    for norm in norms:
        yield f"{norm}weight", (SIZE,)
        yield f"{norm}bias", (SIZE,)


def safetensors(arrays, kind="F32"):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        raw = array.astype("<f4" if kind == "F32" else "<f2").tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.fixture
def model(tmp_path):
    source = np.random.default_rng(3)
    arrays = {name: source.normal(0, 0.6, shape).astype(np.float32) for name, shape in shapes()}
    (tmp_path / "model.safetensors").write_bytes(safetensors(arrays))
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    config = {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "layer_norm_eps": TINY}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def by_hand(arrays, numbers):
    """The same sums as a reader of the paper would write them down: lists, loops and math.erf."""
    get = {name: array.astype(float).tolist() for name, array in arrays.items()}

    def norm(row, at):
        mean = sum(row) / len(row)
        spread = math.sqrt(sum((value - mean) ** 2 for value in row) / len(row) + TINY)
        return [(v - mean) / spread * w + b for v, w, b in zip(row, get[f"{at}weight"], get[f"{at}bias"], strict=True)]

    def dense(row, at):
        return [
            sum(v * w for v, w in zip(row, line, strict=True)) + b
            for line, b in zip(get[f"{at}weight"], get[f"{at}bias"], strict=True)
        ]

    def add(one, other):
        return [a + b for a, b in zip(one, other, strict=True)]

    words, places = get["embeddings.word_embeddings.weight"], get["embeddings.position_embeddings.weight"]
    kind = get["embeddings.token_type_embeddings.weight"][0]
    rows = [norm(add(add(words[n], places[i]), kind), "embeddings.LayerNorm.") for i, n in enumerate(numbers)]
    part = SIZE // HEADS
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        query, key, value = (
            [dense(row, f"{at}attention.self.{name}.") for row in rows] for name in ("query", "key", "value")
        )
        seen = []
        for i in range(len(rows)):
            joined = []
            for head in range(HEADS):
                span = range(head * part, (head + 1) * part)
                scores = [sum(query[i][c] * key[j][c] for c in span) / math.sqrt(part) for j in range(len(rows))]
                total = sum(math.exp(score) for score in scores)
                joined += [sum(math.exp(s) / total * value[j][c] for j, s in enumerate(scores)) for c in span]
            seen.append(joined)
        rows = [
            norm(add(row, dense(each, f"{at}attention.output.dense.")), f"{at}attention.output.LayerNorm.")
            for row, each in zip(rows, seen, strict=True)
        ]
        wide = [
            [v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in dense(row, f"{at}intermediate.dense.")] for row in rows
        ]
        rows = [
            norm(add(row, dense(each, f"{at}output.dense.")), f"{at}output.LayerNorm.")
            for row, each in zip(rows, wide, strict=True)
        ]
    mean = [sum(row[c] for row in rows) / len(rows) for c in range(SIZE)]
    length = math.sqrt(sum(v * v for v in mean))
    return [v / length for v in mean]


@pytest.mark.parametrize("text", ["hello", "hello world, unaffable!", "", "東京 hello hello worlds"])
def test_the_forward_pass_is_the_one_worked_out_by_hand(model, text):
    read_model = MiniLM.read(model)
    expected = by_hand(read_model.arrays, read_model.pieces.of(text, most=256))
    assert read_model.embed(text) == pytest.approx(expected, abs=2e-5)


def test_erf_is_near_enough():
    values = np.linspace(-5, 5, 2_001).astype(np.float32)
    assert _erf(values) == pytest.approx([math.erf(v) for v in values], abs=1e-6)


def test_long_texts_are_looked_at_up_to_a_bound(model):
    made = MiniLM.read(model)
    assert np.array_equal(made.embed("hello " * 254), made.embed("hello " * 100_000))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, WORLD!", ["hello", ",", "world", "!"]),
        ("unaffable", ["un", "##aff", "##able"]),
        ("unaffablex hello", ["[UNK]", "hello"]),
        ("東京", ["東", "京"]),
        ("naïve", ["naive"]),
        ("hel\u200blo\x00\tworlds", ["hello", "world", "##s"]),
        ("h" * 101, ["[UNK]"]),
        ("", []),
    ],
)
def test_words_are_cut_into_the_longest_pieces(text, pieces):
    made = Pieces(numbers={piece: number for number, piece in enumerate(VOCABULARY)})
    assert [VOCABULARY[number] for number in made.of(text, most=64)] == ["[CLS]", *pieces, "[SEP]"]


def test_a_folder_gives_similarity_and_never_gates(model):
    made = plugins.make("similarity", {"directory": str(model)})
    same, other, empty = (
        asyncio.run(made.compare(pair("hello world", text))) for text in ("hello world", "東京!", " ")
    )
    assert same.value == 1.0
    read_model = MiniLM.read(model)
    assert other.value == pytest.approx(float(read_model.embed("hello world") @ read_model.embed("東京!")), abs=1e-6)
    assert (empty.value, empty.label) == (None, "empty")
    assert (made.is_free, made.in_loop, _is_ours(made)) == (True, False, True)
    assert gates(ScorerUse(use="similarity"), made, ()) is False


def test_pinned_weights_must_be_those(model):
    right = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    assert MiniLM.read(model, sha256=right).layers == LAYERS
    word = asyncio.run(Similarity(directory=str(model), sha256="0" * 64).compare(pair("a", "b")))
    assert word.trouble is Trouble.CRASHED
    assert "sha256" in word.reason


def test_half_precision_is_read_too(tmp_path):
    file = tmp_path / "half.safetensors"
    file.write_bytes(safetensors({"a": np.array([[1.5, -2.0]])}, kind="F16"))
    assert read(file)["a"].tolist() == [[1.5, -2.0]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 20,
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"nope",
        safetensors({"a": np.ones((2, 2))})[:-3],
        struct.pack("<Q", 26) + b'{"a": {"dtype":  "F32" }  }'[:26],
    ],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ValueError, match=r"no safetensors file|not whole"):
        read(tmp_path / "x")


def test_any_damage_to_a_file_is_a_refusal_or_harmless(model):
    whole = (model / "model.safetensors").read_bytes()
    source = random.Random(4)
    for _ in range(200):
        place = source.randrange(600)
        (model / "model.safetensors").write_bytes(whole[:place] + bytes([source.randrange(256)]) + whole[place + 1 :])
        try:
            MiniLM.read(model)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either a url or a directory"),
        ({"url": "http://x", "model": "m", "directory": "d"}, "either a url or a directory"),
        ({"url": "http://x"}, "needs a model"),
        ({"url": "ftp://x", "model": "m"}, "http:// or https://"),
        ({"url": "http://x", "model": "m", "price": -1.0}, "from 0 on"),
        ({"directory": "nowhere"}, "no model.safetensors and no config.json and no vocab.txt"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        plugins.make("similarity", options)


# ------------------------------------------------------------------ an endpoint


def embeddings(asked):
    known = {"one": [1.0, 0.0], "like one": [0.6, 0.8], "against": [-1.0, 0.0]}
    data = [{"index": place, "embedding": known[text]} for place, text in enumerate(asked.body["input"])]
    return {"data": data[::-1], "usage": {"prompt_tokens": 500}}


def asked(app, *pairs, **options):
    async def story(url):
        made = Similarity(**{"url": f"{url}/v1", "model": "m", "api_key_env": "EMBED_KEY", "price": 2.0} | options)
        try:
            return [await made.compare(each) for each in pairs]
        finally:
            await made.close()

    with serving(app) as url:
        return asyncio.run(story(url))


def test_an_endpoint_gives_the_cosine_and_its_cost(monkeypatch):
    monkeypatch.setenv("EMBED_KEY", "k-1")
    app = Answering(answer=embeddings)
    near, away = asked(app, pair("one", "like one"), pair("one", "against"))
    assert near == Score(
        scorer="similarity", version=near.version, value=pytest.approx(0.6), label="similarity", cost=0.001
    )
    assert away.value == 0.0
    sent = app.asked[0]
    assert (sent.path, sent.headers["authorization"]) == ("/v1/embeddings", "Bearer k-1")
    assert sent.body == {"model": "m", "input": ["one", "like one"], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("app", "trouble"),
    [
        (Answering(answer=lambda _: {}, status=429, headers={"retry-after": "7"}), Trouble.THROTTLED),
        (Answering(answer=lambda _: {}, status=503), Trouble.UNREACHABLE),
        (Answering(answer=lambda _: {}, status=401), Trouble.REFUSED),
        (Answering(answer=lambda _: {"data": []}), Trouble.UNREADABLE),
        (Answering(answer=lambda _: [1]), Trouble.UNREADABLE),
        (Answering(answer=lambda _: b"hello"), Trouble.UNREADABLE),
        (
            Answering(answer=lambda _: {"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}),
            Trouble.UNREADABLE,
        ),
        (Answering(answer=lambda _: {"data": [{"index": 0, "embedding": "x"}, {"index": 1}]}), Trouble.UNREADABLE),
        (Answering(answer=lambda _: b"x" * (5 << 20)), Trouble.UNREADABLE),
    ],
)
def test_what_an_endpoint_does_wrong_is_its_failure(app, trouble):
    (word,) = asked(app, pair("one", "like one"))
    assert word.trouble is trouble
    assert word.again_after == (7.0 if trouble is Trouble.THROTTLED else None)


def test_nobody_there_is_unreachable():
    word = asyncio.run(Similarity(url="http://127.0.0.1:9", model="m").compare(pair("one", "two")))
    assert (word.trouble, told_cost(word)) == (Trouble.UNREACHABLE, 0.0)


def test_money():
    priced = Similarity(url="http://x", model="m", price=2.0)
    assert priced.most(pair("a" * 1_000, "b" * 1_000)) == pytest.approx((1_000 + 8) * 2e-6)
    assert priced.most(pair("漢" * 1_000, "字" * 1_000)) >= 3 * 2_000 * 2e-6
    assert (priced.is_free, Similarity(url="http://x", model="m", price=0.0).is_free) == (False, True)
    unknown = Similarity(url="http://x", model="m")
    assert (unknown.is_free, unknown.most(pair("a", "b"))) == (False, None)
