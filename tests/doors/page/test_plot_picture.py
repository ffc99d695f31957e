"""The plot and the timeline as pictures: round scales, what is drawn where, and nothing that a value could break."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgjobs.web.pictures import plot, timeline
from pgjobs.web.pictures.scale import marks, moments, number, step_area, step_path

SVG = "{http://www.w3.org/2000/svg}"
BEGIN = datetime(2026, 11, 26, 23, 50, tzinfo=UTC)
EVIL = '</title><script>alert("1")</script> & \x00\x1b\u202e =cmd|x'


def piece(second: float, rate: float, **values: Any) -> dict[str, Any]:
    """A piece of a plot."""
    told = {"records": rate * 10, "sent": 0, "unsent": 0, "confirm_ms": None, "confirm_most": None, "backlog": None}
    return {"at": (BEGIN + timedelta(seconds=second)).isoformat(), "rate": rate, **told, **values}


def drawn(*points: dict[str, Any], bands: tuple[dict[str, Any], ...] = (), **values: Any) -> dict[str, Any]:
    """What page_plot() says of these pieces of ten seconds."""
    return {
        "state": "drawn",
        "dry_run": False,
        "over": True,
        "from": BEGIN.isoformat(),
        "to": (BEGIN + timedelta(seconds=10 * len(points))).isoformat(),
        "seconds": 10,
        "checkpoints": 40,
        "looked_at": 40,
        "records": 1234567,
        "sent": 1,
        "bands": list(bands),
        "points": list(points),
        "rate": {"mean": 12.5, "peak": 40, "p50": 10, "p95": 40},
        "confirm": {"windows": 0, "p50": None, "p95": None, "p99": None, "most": None},
        "backlog": None,
    } | values


def band(kind: str, begins: float, ends: float, reason: str | None = None) -> dict[str, Any]:
    """When it stood still, in seconds from the beginning."""
    begin, end = ((BEGIN + timedelta(seconds=second)).isoformat() for second in (begins, ends))
    return {"kind": kind, "from": begin, "to": end, "reason": reason, "by": "token night" if reason else None}


def tree(svg: str) -> ET.Element:
    """The elements of a picture, which has to be well formed."""
    return ET.fromstring(svg)  # noqa: S314 - a picture of our own


def paths(svg: str, class_: str) -> list[str]:
    """The paths of a class."""
    return [found.get("d", "") for found in tree(svg).iter(f"{SVG}path") if found.get("class") == class_]


@given(st.one_of(st.floats(1e-6, 1e15), st.integers(1, 2**62).map(float)))
def test_marks_are_round_and_reach_the_top(most: float) -> None:
    """From 0 in equal steps of 1, 2 or 5 times a power of ten, up to the first one that is not below the top."""
    found = marks(most)
    assert 0 == found[0]
    assert found[-1] >= most * (1 - 1e-9)
    assert found[-2] < most
    assert 2 <= len(found) <= 7
    digits = f"{found[1]:.6e}".split("e", maxsplit=1)[0].rstrip("0").rstrip(".")
    assert digits in ("1", "2", "5")


@pytest.mark.parametrize("nothing", [0, -1, float("nan"), float("inf")])
def test_an_axis_without_values_has_a_scale(nothing: float) -> None:
    """Where nothing is to be shown the axis goes up to one."""
    assert [0, 1] == marks(nothing)


@given(st.integers(946_684_800, 4_102_444_800), st.floats(0.01, 4e8))
def test_moments_are_round_and_few(begin: int, seconds: float) -> None:
    """However long the time is, there are at most nine marks, all in it, in equal steps, and each has words."""
    first = datetime.fromtimestamp(begin, UTC)
    found = moments(first, first + timedelta(seconds=seconds))
    assert len(found) <= 9
    assert all(first <= at <= first + timedelta(seconds=seconds) and words for at, words in found)
    assert 1 >= len({after[0] - before[0] for before, after in pairwise(found)})


def test_a_new_day_is_told() -> None:
    """Marks are hours and minutes in UTC; the one at midnight is the date."""
    assert ["23:50", "23:55", "2026-11-27", "00:05"] == [
        words for _, words in moments(BEGIN, BEGIN + timedelta(minutes=19))
    ]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "\N{EN DASH}"),
        (0, "0"),
        (1234567, "1\u202f234\u202f567"),
        (0.5, "0.5"),
        (12.345, "12.35"),
        (1234.5, "1\u202f234"),
    ],
)
def test_numbers_have_thin_thousands(value: float | None, words: str) -> None:
    """As the house writes numbers; what is not known is a dash."""
    assert words == number(value)


def test_steps_leave_gaps() -> None:
    """A line stands at each value for its piece, and begins anew behind a piece without one; one alone is seen."""
    assert "M0 5H1V7H2M3 9H4" == step_path([0, 1, 2, 3, 4], [5, 7, None, 9])
    assert "M0 5H1V7H2V10H0ZM3 9H4V10H3Z" == step_area([0, 1, 2, 3, 4], [5, 7, None, 9], 10)


def test_three_panels_of_what_is_known() -> None:
    """Speed, latency and backlog have a panel each where they are known; a value is as high as the scale says."""
    some = plot.draw(drawn(piece(0, 10, confirm_ms=5, confirm_most=50, backlog=3), piece(10, 20)))
    unsent = plot.draw(drawn(piece(0, 10, confirm_ms=5, backlog=3, unsent=7), piece(10, 20)))
    assert 4 == unsent.count('class="panel-heading"')
    assert 3 == some.count('class="panel-heading"')
    only = str(plot.draw(drawn(piece(0, 10), piece(10, 20))))
    assert 1 == only.count('class="panel-heading"')
    # The scale goes to 20: half of the panel's 116, then all of it.
    assert ["M68 82H507V24H946"] == paths(only, "line line-rate")
    assert ["M68 82H507V24H946V140H68Z"] == paths(only, "area line-rate")


def test_bands_stand_behind_all_panels() -> None:
    """When it stood still is a band from top to bottom, at its place, which says why."""
    svg = tree(
        plot.draw(drawn(piece(0, 10, backlog=1), piece(10, 20, backlog=1), bands=(band("paused", 5, 10, "lunch"),)))
    )
    (group,) = (each for each in svg.iter(f"{SVG}g") if each.get("class") == "band band-paused")
    rect, title = group.find(f"{SVG}rect"), group.find(f"{SVG}title")
    assert rect is not None
    assert title is not None
    assert ("287.5", "219.5", "24", "266") == tuple(rect.get(name) for name in ("x", "width", "y", "height"))
    assert "paused from 2026-11-26 23:50:05 UTC, 5 s, by token night: lunch" == title.text


def test_the_picture_says_in_words_what_it_shows() -> None:
    """Title and description name times, speed, latency, backlog, standstills, and what part was read."""
    told = drawn(
        piece(0, 10),
        bands=(band("held", 1, 2),),
        looked_at=6000,
        checkpoints=100000,
        backlog=42,
        confirm={"windows": 9, "p50": 7, "p95": 21, "p99": 30, "most": 1500},
    )
    svg = tree(plot.draw(told))
    assert "img" == svg.get("role")
    named = {each.get("id"): each.text or "" for each in svg.iter() if each.get("id")}
    assert set(named) == set((svg.get("aria-labelledby") or "").split())
    words = named["plot-desc"].replace("\u202f", " ")
    for part in (
        "From 2026-11-26 23:50:00 UTC to 2026-11-26 23:50:10 UTC", "1 234 567 records",
        "1 of them sent: 12.5 sent per second on average while it could move, 40 at most",
        "in one piece of 10 s",
        "within 7 ms",
        "95 % within 21 ms", "the slowest within 1 500 ms", "The backlog was 42", "It stood still once",
        "Drawn from 6 000 of its 100 000 checkpoints",
    ):  # fmt: skip
        assert part in words


@pytest.mark.parametrize(
    ("state", "over", "words"),
    [
        ("not begun", False, "has not begun"),
        ("cleared", True, "were cleared"),
        ("one checkpoint", True, "One window only, of 7 records"),
        ("no checkpoint", True, "ended before a window was finished"),
        ("no checkpoint", False, "No window of it is finished yet"),
    ],
)
def test_nothing_is_drawn_of_nothing(state: str, over: bool, words: str) -> None:
    """Why there is no plot is a sentence."""
    assert words in plot.nothing({"state": state, "over": over, "records": 7})


def test_no_value_breaks_a_picture() -> None:
    """Markup, control characters and marks that turn the text, in reasons, kinds and zones, are text and no more."""
    bad = {**band("paused", 1, 9, EVIL), "kind": EVIL}
    pictures = [plot.draw(drawn(piece(0, 10), piece(10, 0), bands=(band("held", 1, 9, EVIL), bad)))]
    interval = {
        "begins": BEGIN.isoformat(), "ends": None, "begins_local": EVIL, "ends_local": None, "seconds": None,
        "rate": None, "records": None, "why": EVIL,
    }  # fmt: skip
    pictures.append(
        timeline.draw({
            "zone": EVIL, "from": BEGIN.isoformat(), "to": (BEGIN + timedelta(hours=1)).isoformat(), "ticks": [],
            "days": [{"day": f"Thu {EVIL}", "begins": BEGIN.isoformat(), "ends": BEGIN.isoformat(), "hours": 23}],
            "intervals": [interval],
        })
    )  # fmt: skip
    for picture in pictures:
        svg = tree(picture)
        assert not list(svg.iter(f"{SVG}script"))
        assert "script>alert" in "".join(svg.itertext())
        assert not {"\x00", "\x1b", "\u202e"} & set(picture)
        # The policy of the page allows no style in an attribute, and no handler.
        assert not [name for each in svg.iter() for name in each.keys() if name == "style" or name.startswith("on")]  # noqa: SIM118
