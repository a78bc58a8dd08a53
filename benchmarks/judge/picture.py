"""The picture of the error rates: one SVG, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from benchmarks.judge import promised
from benchmarks.judge.beside import HEALTHY_ONES, found_by
from benchmarks.judge.counted import rolled_back, share
from benchmarks.judge.promises import FALSE
from benchmarks.judge.rules import KAYENTA, NAIVE, OURS, RULES, Z_EACH, Z_HUNDRED
from benchmarks.judge.scenario import Decided, Scenario

COLOURS = {OURS: "#14967a", NAIVE: "#d9822b", Z_EACH: "#c9372c", Z_HUNDRED: "#b57edc", KAYENTA: "#4c7fd6"}
WIDTH = 980
_BAR, _GAP = 9, 20
_TOP = 84
_BARS_LEFT, _BARS_WIDTH = 236, 216
_CURVES_LEFT, _CURVES_WIDTH = 560, 390
_CURVES = ((promised.QUALITY_DOWN, 2_000), (promised.ERRORS_UP, 2_000))

_FACE = 'font-family="Helvetica, Arial, sans-serif" font-size="13" role="img" aria-labelledby="t d"'
_STYLE = """<style>
    .page { fill: #ffffff } .ink { fill: #22303a } .soft { fill: #5a6872 } .line { stroke: #8b98a2 } .grid { stroke: #dde3e7 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #12181d } .ink { fill: #e6edf2 } .soft { fill: #a5b2bc } .line { stroke: #71808b } .grid { stroke: #2a343c }
    }
  </style>"""


def draw(decided: Mapping[str, Decided]) -> str:
    """Raises: KeyError when one of its scenarios was not measured."""
    rows = [scenario for scenario in HEALTHY_ONES if scenario.name in decided]
    height = _TOP + len(rows) * (len(RULES) * _BAR + _GAP) + 50
    body = [*_legend(), *_bars(decided, rows, height), *_curves(decided, height)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {_FACE}>',
            '  <title id="t">How often four rules are wrong, and how soon they are right</title>',
            f'  <desc id="d">{escape(_words(decided, rows))}</desc>',
            f"  {_STYLE}",
            f'  <rect class="page" width="{WIDTH}" height="{height}"/>',
            *(f"  {line}" for line in body),
            "</svg>",
            "",
        ]
    )


def _words(decided: Mapping[str, Decided], rows: Sequence[Scenario]) -> str:
    """The picture for those who cannot see it."""
    parts = []
    for scenario in rows:
        found = decided[scenario.name]
        rates = ", ".join(f"{rule} {share(found[rule], rolled_back)}" for rule in RULES)
        parts.append(f"{scenario.name}: {rates}.")
    return (
        f"Left: the share of healthy candidates rolled back. {' '.join(parts)} "
        f"Right: the share of harmful candidates found by number of requests, for {_CURVES[0][0].name} and "
        f"{_CURVES[1][0].name}; rules that find harm sooner roll back healthy candidates more often."
    )


def _text(x: float, y: float, words: str, *, kind: str = "ink", anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def _legend() -> list[str]:
    lines = []
    for place, (rule, colour) in enumerate(COLOURS.items()):
        x = 20 + place * 150
        lines.append(f'<rect x="{x}" y="14" width="12" height="12" fill="{colour}"/>')
        lines.append(_text(x + 18, 25, rule))
    return lines


def _bars(decided: Mapping[str, Decided], rows: Sequence[Scenario], height: int) -> list[str]:
    lines = [_text(20, 62, "Healthy candidates rolled back", more=' font-weight="bold"')]
    bottom = height - 50
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _BARS_LEFT + part * _BARS_WIDTH
        lines.append(f'<path class="grid" d="M{x:g} {_TOP - 6}V{bottom}" fill="none"/>')
        lines.append(_text(x, bottom + 18, f"{part:.0%}".replace("%", " %"), kind="soft", anchor="middle"))
    for place, scenario in enumerate(rows):
        y = _TOP + place * (len(RULES) * _BAR + _GAP)
        lines += _group(decided[scenario.name], scenario, y)
    x = _BARS_LEFT + FALSE * _BARS_WIDTH
    lines.append(f'<path class="line" d="M{x:g} {_TOP - 6}V{bottom}" fill="none" stroke-dasharray="4 3"/>')
    lines.append(_text(x + 3, _TOP - 9, "5 %", kind="soft", more=' font-size="11"'))
    return lines


def _group(found: Decided, scenario: Scenario, y: float) -> list[str]:
    words = scenario.name.rsplit(", ", 1)
    lines = [_text(20, y + 18 + 15 * number, line, more=' font-size="12"') for number, line in enumerate(words)]
    for number, (rule, colour) in enumerate(COLOURS.items()):
        rate = share(found[rule], rolled_back).value
        top, long = y + number * _BAR, max(rate * _BARS_WIDTH, 1.0)
        lines.append(f'<rect x="{_BARS_LEFT}" y="{top:g}" width="{long:.1f}" height="{_BAR - 1}" fill="{colour}"/>')
        lines.append(
            _text(
                _BARS_LEFT + max(long, FALSE * _BARS_WIDTH) + 4,
                top + 8,
                f"{100 * rate:.1f}",
                kind="soft",
                more=' font-size="9"',
            )
        )
    return lines


def _curves(decided: Mapping[str, Decided], height: int) -> list[str]:
    lines = [_text(_CURVES_LEFT - 40, 62, "Harmful candidates found", more=' font-weight="bold"')]
    each = (height - _TOP - 30) / len(_CURVES)
    for place, (scenario, upto) in enumerate(_CURVES):
        if scenario.name in decided:
            lines += _panel(decided, scenario, upto, top=_TOP + place * each + 14, tall=each - 72)
    return lines


def _panel(decided: Mapping[str, Decided], scenario: Scenario, upto: int, *, top: float, tall: float) -> list[str]:
    lines = [_text(_CURVES_LEFT, top - 8, scenario.name)]
    for part in (0.0, 0.5, 1.0):
        y = top + (1.0 - part) * tall
        lines.append(f'<path class="grid" d="M{_CURVES_LEFT} {y:g}H{_CURVES_LEFT + _CURVES_WIDTH}" fill="none"/>')
        lines.append(_text(_CURVES_LEFT - 6, y + 4, f"{part:.0%}".replace("%", " %"), kind="soft", anchor="end"))
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _CURVES_LEFT + part * _CURVES_WIDTH
        lines.append(_text(x, top + tall + 18, f"{part * upto:,.0f}", kind="soft", anchor="middle"))
    lines.append(_text(_CURVES_LEFT + _CURVES_WIDTH, top + tall + 34, "requests", kind="soft", anchor="end"))
    moments = list(range(0, upto + 1, 20))
    for rule in reversed(RULES):
        shares = found_by(decided, scenario, rule, moments)
        points = " ".join(
            f"{_CURVES_LEFT + moment / upto * _CURVES_WIDTH:.1f},{top + (1.0 - part) * tall:.1f}"
            for moment, part in zip(moments, shares, strict=True)
        )
        wide = 3.5 if rule == OURS else 1.8
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[rule]}" stroke-width="{wide}"/>')
    return lines
