"""When windows are open, minute by minute, in plain Python with zoneinfo: the model of the windows in sql/README.md.

Nothing is shared with the engine, and nothing is clever: a moment is found by looking at the clock of the zone at every
minute around it.
"""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Window:
    """A window as schedule has it: weekdays, local times, a zone by name or a number of minutes east of UTC."""

    days: tuple[str, ...]
    start: time
    stop: time
    zone: str | int
    holidays: frozenset[date] = frozenset()

    def on(self, day: date) -> tuple[datetime, datetime] | None:
        """When the window that begins on this day opens and closes."""
        if DAYS[day.weekday()] not in self.days or day in self.holidays:
            return None
        stop_day = day + DAY if self.stop <= self.start else day
        opens = first_shown(datetime.combine(day, self.start), self.zone)
        closes = last_shown(datetime.combine(stop_day, self.stop), self.zone)
        return (opens, closes) if opens < closes else None


def clock(zone: str | int) -> tzinfo:
    return ZoneInfo(zone) if isinstance(zone, str) else timezone(timedelta(minutes=zone))


@lru_cache(maxsize=256)
def minutes(day: date, zone: str | int) -> list[tuple[datetime, datetime]]:
    """Every minute of a day of UTC, with what the clock of the zone shows then."""
    midnight = datetime.combine(day, time(), UTC)
    moments = (midnight + minute * MINUTE for minute in range(24 * 60))
    return [(at, at.astimezone(clock(zone)).replace(tzinfo=None)) for at in moments]


def around(local: datetime, zone: str | int) -> Iterator[tuple[datetime, datetime]]:
    """Every minute of the day of a local time, of the one before and of the one after: no zone is further from UTC."""
    for n in (-1, 0, 1):
        yield from minutes(local.date() + n * DAY, zone)


@lru_cache(maxsize=100_000)
def first_shown(local: datetime, zone: str | int) -> datetime:
    """The first minute at which the clock shows this time or a later one."""
    return next(at for at, shown in around(local, zone) if shown >= local)


@lru_cache(maxsize=100_000)
def last_shown(local: datetime, zone: str | int) -> datetime:
    """The last minute at which the clock shows this time; where it never does, the first one with a later time."""
    found = [at for at, shown in around(local, zone) if shown == local]
    return found[-1] if found else first_shown(local, zone)


def spans(windows: Collection[Window], day: date, days: int) -> list[tuple[datetime, datetime]]:
    """The spans of all windows that begin on one of so many days, each by itself."""
    found = (window.on(day + n * DAY) for window in windows for n in range(days))
    return [span for span in found if span]


def is_open(spans: Sequence[tuple[datetime, datetime]], at: datetime) -> bool:
    return any(opens <= at < closes for opens, closes in spans)


def changes(windows: Collection[Window], start: datetime, days: int) -> Iterator[tuple[datetime, bool]]:
    """The beginning, and each later moment at which it changes whether one of the windows is open."""
    known = spans(windows, start.date() - 3 * DAY, days + 5)
    end = start + days * DAY
    moments = sorted({start, *(at for span in known for at in span if start < at < end)})
    states = [(at, is_open(known, at)) for at in moments]
    yield states[0]
    for (_, before), (at, state) in pairwise(states):
        if before != state:
            yield at, state
