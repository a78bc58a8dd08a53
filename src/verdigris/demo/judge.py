"""A simulated judge: `python -m verdigris.demo.judge --port 0`. No model runs here.

It answers as an OpenAI-compatible model would that was asked to compare two answers, by counting the sentences that say something.
It is told nothing of versions: it sees a request and two texts, as a real judge does.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import threading

from verdigris.testing.judges import FakeJudge, Preference
from verdigris.testing.providers.app import Providers
from verdigris.testing.providers.serving import serving

NOTICED = 0.2
"""A difference in the share of sentences that say something, from which on the simulated judge prefers an answer."""

_SENTENCE = re.compile(r"[^.!?]+[.!?]")
_VAGUE = re.compile(
    r"\b(?:several|some|somehow|general|fairly|more or less|a number of|may be|could be|overall)\b", re.IGNORECASE
)


def substance(text: str) -> float:
    """0..1: the share of sentences that say something."""
    sentences = _SENTENCE.findall(text)
    if not sentences:
        return 0.0
    return sum(not _VAGUE.search(sentence) for sentence in sentences) / len(sentences)


def better(_asked: str, first: str, second: str) -> Preference:
    difference = substance(first) - substance(second)
    if abs(difference) < NOTICED:
        return "tie"
    return "first" if difference > 0 else "second"


def main() -> None:
    """Serves until SIGTERM or Ctrl-C. Prints where it listens."""
    parser = argparse.ArgumentParser(prog="verdigris.demo.judge", description="A simulated judge. No model runs here.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the first line printed names it")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    try:
        with serving(Providers(FakeJudge(better=better)), port=options.port) as url:
            print(f"simulated judge on {url}", flush=True)
            ended.wait()
    except OSError as error:
        sys.exit(f"cannot listen on port {options.port}: {error.strerror}; choose another --port, or 0")


if __name__ == "__main__":
    main()
