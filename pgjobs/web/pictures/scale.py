"""Scales of a picture: round numbers for an axis, round moments in UTC, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = (
    1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR,
    3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY,
)  # fmt: skip
"""Seconds between two marks of a time axis."""


def marks(most: float, about: int = 4) -> list[float]:
    """Round numbers from 0 to the first one that is not below `most`, about so many steps of 1, 2 or 5."""
    if not (most > 0 and math.isfinite(most)):
        return [0.0, 1.0]
    rough = most / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * round_one for round_one in (1, 2, 5, 10) if power * round_one >= rough * 0.999_999)
    # Multiplied, not added up: 0.1 three times is not 0.3.
    return [step * n for n in range(math.ceil(most / step - 1e-9) + 1)]


def moments(begin: datetime, end: datetime, most: int = 8) -> list[tuple[datetime, str]]:
    """Round moments in UTC from one moment to another, each with what to write there; the day where it begins."""
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    length = (end - begin).total_seconds()
    step = next((step for step in STEPS if length / step <= most), None)
    if step is None:
        step = math.ceil(length / most / DAY) * DAY
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = math.ceil((begin - midnight).total_seconds() / step)
    found = []
    at = midnight + timedelta(seconds=first * step)
    while at <= end:
        found.append((at, _clock(at, step)))
        at += timedelta(seconds=step)
    return found


def _clock(at: datetime, step: float) -> str:
    if at.hour == at.minute == at.second == 0:
        return f"{at:%Y-%m-%d}"
    return f"{at:%H:%M}" if step >= MINUTE else f"{at:%H:%M:%S}"


def number(value: float | None, digits: int | None = None) -> str:
    """A number with thin spaces between its thousands; small ones with two places, unless `digits` says how many."""
    if value is None:
        return "\N{EN DASH}"
    places = digits if digits is not None else 0 if value == int(value) or abs(value) >= 100 else 2
    text = f"{value:,.{places}f}".replace(",", THIN)
    return text.rstrip("0").rstrip(".") if places and digits is None else text


def moment(at: datetime) -> str:
    """A moment in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """A length of time as people say it: 0.5 s, 42 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{number(seconds if seconds < 10 else whole)} s"
    for unit, name, below, of_it in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{number(whole // unit)} {name}" + (f" {rest} {of_it}" if rest else "")
    raise AssertionError(seconds)


def step_path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    """The path of steps, from one x to the next at each y; where there is none, it begins anew behind the gap."""
    path: list[str] = []
    drawing = False
    for (left, right), y in zip(pairwise(xs), ys, strict=True):
        if y is not None:
            path.append(f"{'V' if drawing else f'M{coordinate(left)} '}{coordinate(y)}H{coordinate(right)}")
        drawing = y is not None
    return "".join(path)


def step_area(xs: Sequence[float], ys: Sequence[float | None], bottom: float) -> str:
    """What lies below such a line, down to the bottom: a closed path for each stretch without a gap."""
    path: list[str] = []
    begun: float | None = None
    for (left, right), y in zip(pairwise(xs), ys, strict=True):
        if y is None:
            path += [_closed(begun, bottom)] if begun is not None else []
            begun = None
            continue
        path.append(f"{'V' if begun is not None else f'M{coordinate(left)} '}{coordinate(y)}H{coordinate(right)}")
        begun = left if begun is None else begun
    return "".join([*path, _closed(begun, bottom)] if begun is not None else path)


def _closed(begun: float, bottom: float) -> str:
    return f"V{coordinate(bottom)}H{coordinate(begun)}Z"


def coordinate(value: float) -> str:
    """A place in a picture, to a tenth."""
    return f"{value:.1f}".rstrip("0").rstrip(".") or "0"
