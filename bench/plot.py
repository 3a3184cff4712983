"""The results as an SVG picture: a panel for each case, in it a group of bars for each N, on one logarithmic scale.

Drawn by hand, since the charting libraries in pure Python bring no types. Colours are middle tones, legible on the
white and on the dark background of a README; a picture cannot know which one the reader has chosen there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree

from bench.results import Key, Results
from bench.table import format_seconds

TEXT, AXIS_COLOUR = "#768390", "#76839088"
COLOURS = {"floor": "#8b949e", "ours": "#3b82f6", "base": "#e0823d"}
LEGEND = {
    "floor": "a provider that returns at once",
    "ours": "this project",
    "base": "the SDK's own host, 4 at a time",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"

COLUMNS = 3
MARGIN = 16
PANEL_WIDTH, PANEL_GAP = 288, 20
GROUP_LABEL, VALUE_LABEL = 58, 58  # beside the bars, left and right
HEADER, PANEL_TITLE, AXIS = 58, 24, 40
BAR, BAR_GAP, GROUP_GAP = 13, 3, 12


def svg(results: Results, cases: Sequence[str], latency: float) -> str:
    """The picture for one latency, in seconds; nothing may have been measured for some of the bars."""
    shown = {key: sample.seconds for key, sample in results.items() if key.case in cases and key.latency_s == latency}
    ns = sorted({key.n for key in shown})
    variants = [variant for variant in COLOURS if any(key.variant == variant for key in shown)]
    scale = _Scale(list(shown.values()) or [1.0])
    group = len(variants) * (BAR + BAR_GAP) - BAR_GAP + GROUP_GAP
    panel_height = PANEL_TITLE + len(ns) * group + AXIS
    rows = math.ceil((len(cases) + 1) / COLUMNS)  # the legend takes a panel's place
    width = 2 * MARGIN + COLUMNS * PANEL_WIDTH + (COLUMNS - 1) * PANEL_GAP
    height = HEADER + rows * panel_height

    title = f"Seconds for N flow logs, API latency {latency:g} s"
    root = ElementTree.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "role": "img", "font-family": FONT},
    )
    ElementTree.SubElement(root, "title").text = title
    _text(root, MARGIN, 28, title, size=18, weight="600")
    _text(root, MARGIN, 46, "wall-clock time, logarithmic scale, shorter is better", size=12)
    for index, case in enumerate([*cases, None]):
        column, row = index % COLUMNS, index // COLUMNS
        place = f"translate({MARGIN + column * (PANEL_WIDTH + PANEL_GAP)} {HEADER + row * panel_height})"
        panel = ElementTree.SubElement(root, "g", transform=place)
        if case is None:
            _legend(panel, variants)
            continue
        _axis(panel, scale, PANEL_TITLE + len(ns) * group)
        _text(panel, GROUP_LABEL, 14, f"pulumi {case}", size=14, weight="600")
        for position, n in enumerate(ns):
            top = PANEL_TITLE + position * group + GROUP_GAP / 2
            middle = top + (group - GROUP_GAP) / 2 + 4
            _text(panel, GROUP_LABEL - 8, middle, f"N={n:,}", anchor="end")
            for order, variant in enumerate(variants):
                seconds = shown.get(Key(case, n, latency, variant))
                if seconds is not None:
                    _bar(panel, top + order * (BAR + BAR_GAP), scale.at(seconds), seconds, variant)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


class _Scale:
    """From seconds to a place within a panel."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self._low = math.log10(min(0.5, min(seconds) / 1.5))
        self._high = math.log10(max(seconds))
        self.ticks = [10.0**power for power in range(math.ceil(self._low), math.floor(self._high) + 1)]

    def at(self, seconds: float) -> float:
        share = (math.log10(seconds) - self._low) / (self._high - self._low)
        return GROUP_LABEL + share * (PANEL_WIDTH - GROUP_LABEL - VALUE_LABEL)


def _axis(panel: ElementTree.Element, scale: _Scale, bottom: float) -> None:
    # Below the bars: lines up through the panel would cross the values.
    _line(panel, GROUP_LABEL, PANEL_WIDTH - VALUE_LABEL, bottom, bottom)
    for tick in scale.ticks:
        _line(panel, scale.at(tick), scale.at(tick), bottom, bottom + 4)
        _text(panel, scale.at(tick), bottom + 17, f"{tick:g} s", anchor="middle", size=11)


def _line(panel: ElementTree.Element, x1: float, x2: float, y1: float, y2: float) -> None:
    ends = {"x1": f"{x1:.1f}", "x2": f"{x2:.1f}", "y1": f"{y1:.1f}", "y2": f"{y2:.1f}"}
    ElementTree.SubElement(panel, "line", ends, stroke=AXIS_COLOUR)


def _bar(panel: ElementTree.Element, top: float, end: float, seconds: float, variant: str) -> None:
    ElementTree.SubElement(
        panel,
        "rect",
        {"x": str(GROUP_LABEL), "y": f"{top:g}", "width": f"{end - GROUP_LABEL:.1f}", "height": str(BAR), "rx": "2"},
        fill=COLOURS[variant],
    )
    _text(panel, end + 5, top + BAR - 2.5, format_seconds(seconds), size=11)


def _legend(panel: ElementTree.Element, variants: Sequence[str]) -> None:
    for position, variant in enumerate(variants):
        top = PANEL_TITLE + position * 24
        size = {"width": "14", "height": str(BAR), "rx": "2"}
        ElementTree.SubElement(panel, "rect", {"x": "0", "y": str(top), **size}, fill=COLOURS[variant])
        _text(panel, 22, top + BAR - 2, f"{variant}: {LEGEND[variant]}")


def _text(
    parent: ElementTree.Element,
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: str = "400",
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": str(size), "font-weight": weight}
    ElementTree.SubElement(parent, "text", place, fill=TEXT).text = text
