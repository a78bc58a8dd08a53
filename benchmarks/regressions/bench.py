"""The parts as a service would have them: declared in YAML with default settings, the judge a fake one behind a real address."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.regressions.passage import Passage
from benchmarks.regressions.world import CANDIDATE, STABLE, World
from verdigris.adapters.prices.kept import KeptPrices
from verdigris.adapters.samples.till import MemoryTill
from verdigris.assemble.scorers import bench
from verdigris.controller.quality.reader import Reader
from verdigris.core.model.quality import Redaction
from verdigris.core.model.service import Service
from verdigris.core.reading.redaction import Redactor
from verdigris.demo.assistant.habits import Habits
from verdigris.demo.assistant.worth import better
from verdigris.spec.load import load
from verdigris.testing.judges import FakeJudge, Preference
from verdigris.testing.providers.app import Providers
from verdigris.testing.providers.serving import serving

RATE = 10.0
"""Requests a second."""

JUDGE_MODEL = "gpt-4o-mini"
"""What the fake judge is priced as."""

_KEY = "REGRESSIONS_KEY"
_FILE = """\
service: assistant
environments:
  blue: http://127.0.0.1:3001
  green: http://127.0.0.1:3002
telemetry: {{ format: openai-chat }}
quality:
  scorers: [heuristics, {{ use: judge, model: {model}, url: "{url}/v1", api_key_env: {key}, gate: true }}]
  shadow: {{ rate: 5%, budget: 20 USD/day, paths: [/v1/chat/completions] }}
"""


@contextmanager
def judged() -> Iterator[Service]:
    """The service while its judge answers."""
    os.environ[_KEY] = "fake"
    with serving(Providers(FakeJudge(better=_prefers))) as url, TemporaryDirectory() as folder:
        file = Path(folder) / "verdigris.yaml"
        file.write_text(_FILE.format(model=JUDGE_MODEL, url=url, key=_KEY), encoding="utf-8")
        yield load(file, environ={}).service


def _prefers(asked: str, first: str, second: str) -> Preference:
    found = better(asked, first, second)
    return "tie" if found == 0 else "first" if found > 0 else "second"


def passage(service: Service, changed: Habits, *, seed: int) -> Passage:
    """One rollout of a changed assistant against the usual one."""
    if service.quality is None:
        raise ValueError("the service declares no quality")
    generator, prices = random.Random(seed), KeptPrices()
    scoring = bench(service.quality, till=MemoryTill(), prices=prices)
    scoring.rollout = lambda: "simulated-1"
    return Passage(
        service=service,
        world=World(habits={STABLE: Habits(), CANDIDATE: changed}, rate=RATE, generator=generator),
        scoring=scoring,
        reader=Reader(telemetry=service.telemetry, redact=Redactor(Redaction()).redact),
        prices=prices,
        generator=generator,
    )
