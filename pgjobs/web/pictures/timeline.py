"""The plan of a job as a timeline: in which intervals it runs, on the days of the zone of its window.

The axis is time as it passes, so that a day on which the clock is changed is an hour shorter or longer. Which days and
hours there are is computed by pgjobs.page_plan(): the rules of a zone are those of the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup

from pgjobs.web.pictures.scale import coordinate as at
from pgjobs.web.pictures.scale import duration, number
from pgjobs.web.pictures.svg import element, picture, text, title

Plan = Mapping[str, Any]
"""What pgjobs.page_plan() has answered."""

WIDTH, LEFT, RIGHT, TOP, BAR, FOOT = 960, 14, 14, 24, 44, 26
LETTER = 8.6
"""About how wide a letter is, where it is largest: on a phone."""


def interval_words(interval: Mapping[str, Any]) -> str:
    """An interval in words: when, how fast, how much, and why it ends."""
    if interval["ends"] is not None and interval["seconds"] == 0:
        return f"{interval['begins_local']}: {interval['why'] or 'nothing runs'}"
    until = f"to {interval['ends_local']}" if interval["ends"] else "with an open end"
    return "; ".join(filter(None, (f"{interval['begins_local']} {until}", pace_words(interval), interval["why"])))


def pace_words(interval: Mapping[str, Any]) -> str:
    """How fast it runs in an interval, and how much of it."""
    speed = f"{number(interval['rate'])} records/s" if interval["rate"] is not None else ""
    amount = f"{number(interval['records'])} records" if interval["records"] is not None else ""
    return ", ".join(filter(None, (speed, amount))) or "as fast as it can"


def described(plan: Plan) -> str:
    """What the timeline shows, in words."""
    intervals = plan["intervals"]
    count = f"{len(intervals)} intervals" if len(intervals) > 1 else "One interval"
    length = duration((_when(plan["to"]) - _when(plan["from"])).total_seconds())
    return (
        f"{count}, by the clock of {plan['zone']}; the next {length} are drawn. First: {interval_words(intervals[0])}."
    )


def draw(plan: Plan) -> Markup:
    """The timeline as SVG; only of a plan that has intervals."""
    begin, end = _when(plan["from"]), _when(plan["to"])
    seconds = max((end - begin).total_seconds(), 0.001)

    def x(moment: datetime) -> float:
        share = (moment - begin).total_seconds() / seconds
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)

    parts = []
    for place, day in enumerate(plan["days"]):
        parts += _day(day, x(_when(day["begins"])), x(_when(day["ends"])), place)
    for tick in plan["ticks"]:
        where = at(x(_when(tick["at"])))
        parts.append(element("line", x1=where, x2=where, y1=at(TOP + BAR), y2=at(TOP + BAR + 5), class_="axis"))
        parts.append(text(tick["clock"], where, at(TOP + BAR + 18), "tick", "middle"))
    for interval in plan["intervals"]:
        if _when(interval["begins"]) <= end:
            parts.append(_run(interval, x, end))
    return Markup(  # noqa: S704 every value in it is escaped by svg.py
        picture("timeline", "When the job would run", described(plan), WIDTH, TOP + BAR + FOOT, *parts)
    )


def _day(day: Mapping[str, Any], left: float, right: float, place: int) -> list[str]:
    width = right - left
    hours = "" if day["hours"] == 24 else f"{number(day['hours'])} h"
    parts = [title(f"{day['day']}, {hours}: the clock is changed" if hours else str(day["day"]))]
    parts.append(element("rect", x=at(left), y=at(TOP), width=at(width), height=at(BAR)))
    weekday, date = day["day"].split(" ", 1)
    long, short = f"{weekday} {date}", f"{weekday} {date[-2:]}"
    for words in (f"{long}, {hours}" if hours else long, f"{short}, {hours}" if hours else short):
        if len(words) * LETTER <= width:
            parts.append(text(words, at(left + 2), at(TOP - 8), "day-label"))
            break
    changed = " changed" if hours else ""
    return [element("g", *parts, class_=f"day {'odd' if place % 2 else 'even'}{changed}")]


def _run(interval: Mapping[str, Any], x: Any, end: datetime) -> str:
    begins = _when(interval["begins"])
    ends = _when(interval["ends"]) if interval["ends"] else end
    left, right = x(begins), x(ends)
    inside = TOP + 8
    parts = [title(interval_words(interval))]
    if interval["ends"] is not None and interval["seconds"] == 0:
        parts.append(element("line", x1=at(left), x2=at(left), y1=at(TOP), y2=at(TOP + BAR)))
        return element("g", *parts, class_="stop")
    width = max(right - left, 1.5)
    parts.append(element("rect", x=at(left), y=at(inside), width=at(width), height=at(BAR - 16), rx=3))
    words = pace_words(interval)
    if len(words) * LETTER <= width - 8:
        parts.append(text(words, at(left + 6), at(inside + 18), "run-label"))
    return element("g", *parts, class_="run" if interval["ends"] else "run open")


def _when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
