"""The life of a job as a plot: what was sent per second and what was not, how long confirms took, and the backlog.

Panels of one time axis; when the job stood still is a band behind all of them. What is drawn, and what is said of
it, comes from pgjobs.page_plot().
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from markupsafe import Markup

from pgjobs.web.pictures.scale import coordinate as at
from pgjobs.web.pictures.scale import duration, marks, moment, moments, number, step_area, step_path
from pgjobs.web.pictures.svg import element, picture, text, title

Plot = Mapping[str, Any]
"""What pgjobs.page_plot() has answered."""

WIDTH, LEFT, RIGHT = 960, 68, 14
HEAD, PANEL, GAP, FOOT = 24, 116, 34, 30
WORDS = {
    "paused": "paused",
    "held": "held",
    "stopped": "stopped",
    "broken": "broken off",
    "waiting": "waiting for a daemon",
}
NOTHING = {
    "not begun": "The job has not begun: there is nothing to draw yet.",
    "cleared": "Its checkpoints were cleared after their keep time: what a plot needs is gone.",
}


class Line(NamedTuple):
    """One line of a panel: which value of each piece it shows, its class, and what it is called."""

    key: str
    class_: str
    label: str


class Panel(NamedTuple):
    """A part of the plot with an axis of its own; the first line has its area filled."""

    heading: str
    lines: tuple[Line, ...]


UNSENT = Panel("Not sent (skipped or returned), per second", (Line("unsent", "line-unsent", ""),))
PANELS = (
    Panel("Sent per second", (Line("rate", "line-rate", ""),)),
    UNSENT,
    Panel(
        "Confirm latency, ms",
        (Line("confirm_ms", "line-confirm", "middle window"), Line("confirm_most", "line-most", "slowest window")),
    ),
    Panel("Backlog, messages ready in the queue", (Line("backlog", "line-backlog", ""),)),
)


def nothing(plot: Plot) -> str:
    """Why there is nothing to draw, in words."""
    if plot["state"] in NOTHING:
        return NOTHING[plot["state"]]
    records = "1 record" if plot["records"] == 1 else f"{number(plot['records'])} records"
    if plot["state"] == "one checkpoint":
        return f"One window only, of {records}: a plot needs at least two."
    return "The job ended before a window was finished." if plot["over"] else "No window of it is finished yet."


def described(plot: Plot) -> str:
    """What the plot shows, in words."""
    rate, confirm, looked_at = plot["rate"], plot["confirm"], plot["looked_at"]
    times = f"From {moment(_when(plot['from']))} to {moment(_when(plot['to']))}"
    speed = f"{number(rate['mean'])} sent per second on average while it could move, {number(rate['peak'])} at most"
    said = [
        f"{times}, in {_pieces(len(plot['points']))} of {duration(plot['seconds'])}.",
        f"{number(plot['records'])} records, {number(plot['sent'])} of them sent: {speed}.",
    ]
    if confirm["p50"] is not None:
        said.append(
            f"Half of the windows were confirmed within {number(confirm['p50'])} ms, 95 % within"
            f" {number(confirm['p95'])} ms, the slowest within {number(confirm['most'])} ms."
        )
    elif plot["dry_run"]:
        said.append("A dry run publishes nothing, so nothing is confirmed.")
    if plot["backlog"] is not None:
        said.append(f"The backlog was {number(plot['backlog'])} messages at most.")
    if plot["bands"]:
        said.append(f"It stood still {len(plot['bands'])} times." if len(plot["bands"]) > 1 else "It stood still once.")
    if looked_at < plot["checkpoints"]:
        said.append(f"Drawn from {number(looked_at)} of its {number(plot['checkpoints'])} checkpoints, evenly chosen.")
    return " ".join(said)


def _pieces(n: int) -> str:
    return "one piece" if n == 1 else f"{n} pieces"


def band_words(band: Mapping[str, Any]) -> str:
    """What a band says: what the job did, when, for how long, by whom and why."""
    begins, ends = _when(band["from"]), _when(band["to"])
    kind = WORDS.get(band["kind"], str(band["kind"]))
    whom = f", by {band['by']}" if band["by"] else ""
    why = f": {band['reason']}" if band["reason"] else ""
    return f"{kind} from {moment(begins)}, {duration((ends - begins).total_seconds())}{whom}{why}"


def draw(plot: Plot) -> Markup:
    """The plot as SVG."""
    axis = _TimeAxis(_when(plot["from"]), _when(plot["to"]))
    points = plot["points"]
    panels = [panel for panel in PANELS if any(point[panel.lines[0].key] is not None for point in points)]
    # Where everything was sent, nothing is said of what was not.
    panels = [panel for panel in panels if panel is not UNSENT or any(point["unsent"] for point in points)]
    bottom = HEAD + len(panels) * PANEL + (len(panels) - 1) * GAP
    edges = [axis.x(axis.begin + timedelta(seconds=axis.seconds * n / len(points))) for n in range(len(points) + 1)]
    parts = [_band(band, axis, bottom) for band in plot["bands"]]
    for place, panel in enumerate(panels):
        parts += _panel(panel, points, edges, HEAD + place * (PANEL + GAP))
    parts += _clock(axis, bottom, len(panels))
    drawn = picture("plot", "The life of the job", described(plot), WIDTH, bottom + FOOT, *parts)
    return Markup(drawn)  # noqa: S704 every value in it is escaped by svg.py


class _TimeAxis:
    """From moments to places."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self.begin, self.end = begin, end
        self.seconds = max((end - begin).total_seconds(), 0.001)

    def x(self, moment_: datetime) -> float:
        """Where a moment lies; what lies outside is at the edge."""
        share = (moment_ - self.begin).total_seconds() / self.seconds
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)


def _band(band: Mapping[str, Any], axis: _TimeAxis, bottom: float) -> str:
    left, right = axis.x(_when(band["from"])), axis.x(_when(band["to"]))
    width = max(right - left, 1.0)
    kind = band["kind"] if band["kind"] in WORDS else "other"
    parts = [title(band_words(band))]
    parts.append(element("rect", x=at(left), y=at(HEAD), width=at(width), height=at(bottom - HEAD)))
    if width > 9 * len(WORDS.get(kind, "")):
        parts.append(text(WORDS.get(kind, kind), at(left + width / 2), at(HEAD + 14), "band-label", "middle"))
    return element("g", *parts, class_=f"band band-{kind}")


def _panel(panel: Panel, points: Sequence[Mapping[str, Any]], edges: Sequence[float], top: float) -> list[str]:
    bottom = top + PANEL
    scale = marks(max((point[line.key] or 0 for line in panel.lines for point in points), default=0))
    most = scale[-1]

    def y(value: float | None) -> float | None:
        return None if value is None else bottom - value / most * PANEL

    parts = [text(panel.heading, at(LEFT), at(top - 8), "panel-heading")]
    for value in scale:
        level = at(bottom - value / most * PANEL)
        parts.append(element("line", x1=at(LEFT), x2=at(WIDTH - RIGHT), y1=level, y2=level, class_="grid"))
        parts.append(text(number(value), at(LEFT - 8), at(float(level) + 4), "tick", "end"))
    labels = [line for line in panel.lines if line.label]
    for place, line in enumerate(labels):
        right = WIDTH - RIGHT - (len(labels) - 1 - place) * 130
        parts.append(text(line.label, at(right), at(top - 8), f"legend {line.class_}", "end"))
    for place, line in reversed(list(enumerate(panel.lines))):
        levels = [y(point[line.key]) for point in points]
        path = step_path(edges, levels)
        if place == 0:
            parts.append(element("path", d=step_area(edges, levels, bottom), class_=f"area {line.class_}"))
        parts.append(element("path", d=path, class_=f"line {line.class_}"))
    return parts


def _clock(axis: _TimeAxis, bottom: float, panels: int) -> list[str]:
    parts = []
    for when, words in moments(axis.begin, axis.end):
        x = at(axis.x(when))
        for place in range(panels):
            low = HEAD + place * (PANEL + GAP) + PANEL
            parts.append(element("line", x1=x, x2=x, y1=at(low), y2=at(low + 5), class_="axis"))
        # At the edge half of the words would be cut off.
        anchor = "end" if axis.x(when) > WIDTH - RIGHT - 30 else "middle"
        parts.append(text(words, x, at(bottom + 18), "tick", anchor))
    parts.append(text("UTC", at(4), at(bottom + 18), "tick"))
    return parts


def _when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
