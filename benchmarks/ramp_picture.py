"""The picture of the ramps: one SVG, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 980
COLOURS = {"safe": "#d9822b", "scaled": "#14967a", "proven": "#4c7fd6"}
_FACE = 'font-family="Helvetica, Arial, sans-serif" font-size="13" role="img" aria-labelledby="t d"'
_STYLE = """<style>
    .page { fill: #ffffff } .ink { fill: #22303a } .soft { fill: #5a6872 } .line { stroke: #5a6872 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #12181d } .ink { fill: #e6edf2 } .soft { fill: #a5b2bc } .line { stroke: #a5b2bc }
    }
  </style>"""
_LEFT, _LONG = 190, 640
_BAR = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One way to advance: its value, and the 10th and 90th percentile where they are drawn."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def draw(times: Sequence[Bar], harms: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """`times` in hours for an equal candidate; `harms` in whole requests lost, by candidate."""
    body, y = _panel("An equal candidate: time to the end of its bake, in hours (line: 10-90 %)", [("", times)], 66)
    more, height = _panel("Worse candidates: whole requests lost until the rollout ends, on average", harms, y + 44)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {_FACE}>',
            '  <title id="t">How long a ramp takes, and how much harm it lets through</title>',
            f'  <desc id="d">{escape(_words(times, harms))}</desc>',
            f"  {_STYLE}",
            f'  <rect class="page" width="{WIDTH}" height="{height}"/>',
            *(f"  {line}" for line in [*_legend(), *body, *more]),
            "</svg>",
            "",
        ]
    )


def _words(times: Sequence[Bar], harms: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """The picture for those who cannot see it."""
    hours = ", ".join(f"{bar.name} {bar.value:.1f} h" for bar in times)
    lost = "; ".join(f"{name}: {', '.join(f'{bar.name} {bar.value:.1f}' for bar in bars)}" for name, bars in harms)
    return f"Median time of an equal candidate: {hours}. Requests lost on average: {lost}."


def _text(x: float, y: float, words: str, *, kind: str = "ink", more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}"{more}>{escape(words)}</text>'


def _legend() -> list[str]:
    lines = []
    for place, (name, colour) in enumerate(COLOURS.items()):
        x = 20 + place * 140
        lines.append(f'<rect x="{x}" y="14" width="12" height="12" fill="{colour}"/>')
        lines.append(_text(x + 18, 25, f"advance: {name}"))
    return lines


def _panel(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], top: int) -> tuple[list[str], int]:
    most = max(bar.high or bar.value for _, bars in groups for bar in bars) or 1.0
    lines, y = [_text(20, top, title, more=' font-weight="bold"')], top + 16
    for name, bars in groups:
        lines.append(_text(20, y + _BAR * len(bars) / 2 + 4, name))
        for bar in bars:
            lines += _bar(bar, y, most)
            y += _BAR
        y += 14
    return lines, y


def _bar(bar: Bar, y: int, most: float) -> list[str]:
    long = max(1.0, bar.value / most * _LONG)
    lines = [f'<rect x="{_LEFT}" y="{y}" width="{long:.1f}" height="{_BAR - 2}" fill="{COLOURS[bar.name]}"/>']
    end = long
    if bar.low is not None and bar.high is not None:
        low, end = (_LEFT + each / most * _LONG for each in (bar.low, bar.high))
        lines.append(f'<path class="line" d="M{low:.1f} {y + 6}H{end:.1f}" stroke-width="1.5" fill="none"/>')
        end = max(end - _LEFT, long)
    lines.append(_text(_LEFT + end + 6, y + 11, f"{bar.value:,.1f}", kind="soft", more=' font-size="11"'))
    return lines
