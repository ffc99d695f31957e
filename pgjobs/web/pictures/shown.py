"""What templates ask of the pictures, as filters: a picture, what it shows in words, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pgjobs.web.pictures import plot, timeline
from pgjobs.web.pictures.scale import number

FILTERS: Mapping[str, Callable[..., Any]] = {
    "amount": number,
    "plot_svg": plot.draw,
    "plot_words": plot.described,
    "plot_nothing": plot.nothing,
    "band_words": plot.band_words,
    "plan_svg": timeline.draw,
    "plan_words": timeline.described,
    "pace_words": timeline.pace_words,
}
