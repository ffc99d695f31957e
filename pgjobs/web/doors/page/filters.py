"""How values are written on the page: moments in UTC, numbers with thin thousands, and nothing that hides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from pgjobs.web.errors import Problem
from pgjobs.web.visible import visible

THIN = "\u202f"
"""A narrow space at which no line breaks."""
CLIP = 200
LONG_WORD, WITHIN = re.compile(r"[A-Za-z0-9]{16,}"), re.compile("(?<=[a-z0-9])(?=[A-Z][a-z])")
"""Names of types are long, and may be broken where a word of them begins."""
SAID = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
"""A moment in a sentence of SQL."""
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def moment(value: str | datetime | None) -> Markup | str:
    """A moment in UTC, to the second, for people and for programs; what is no moment of ours as it stands."""
    if value is None:
        return ""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return str(value)
    plain = at.replace(microsecond=0, tzinfo=None)
    return Markup('<time datetime="{}Z">{} UTC</time>').format(plain.isoformat(), plain.isoformat(" "))


def number(value: float | str | None, places: int = 0) -> str:
    """A number with thin thousands, and so many decimal places where it has some."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    whole = isinstance(value, int) or places == 0 or value == round(value)
    text = f"{round(value):,}" if whole else f"{value:,.{places}f}"
    return text.replace(",", THIN)


def duration(seconds: float | None) -> str:
    """How long something lasts, in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    parts, left = [], round(seconds)
    for size, unit in UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "0 s"


def percent(value: float | None) -> str:
    """A share of a hundred, which is never shown as all of it before it is."""
    if value is None:
        return ""
    shown = value if value in (0, 100) else min(99.9, max(0.1, round(value, 1)))
    return f"{shown:g}{THIN}%"


def badge(word: str | None, remark: str | None = None) -> Markup:
    """The word of a status, with a class for its colour, and what the word leaves open beside it."""
    word = visible(word or "unknown")
    kind = re.sub("[^a-z]+", "-", word.lower()).strip("-")
    made = Markup('<span class="badge badge-{}">{}</span>').format(kind, word)
    return made + Markup(' <span class="remark">{}</span>').format(visible(remark)) if remark else made


def pretty(value: Any) -> str:
    """JSON, indented, with the letters of all scripts as they are."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def soft(text: str | None) -> Markup:
    """A name that a narrow column may break between its words, as in SubscriptionRenewer."""
    made, end = Markup(), 0
    for found in LONG_WORD.finditer(text := visible(text or "")):
        made, end = made + text[end : found.start()] + Markup("<wbr>").join(WITHIN.split(found[0])), found.end()
    return made + text[end:]


def told(text: str | None) -> Markup:
    """A sentence of SQL, whose moments are shown as all others are."""
    made, end = Markup(), 0
    for found in SAID.finditer(text := visible(text or "")):
        made, end = made + text[end : found.start()] + moment(found[0]), found.end()
    return made + text[end:]


def clip(text: str | None, most: int = CLIP) -> str:
    """The beginning of a text, where it is long."""
    text = text or ""
    return text if len(text) <= most else f"{text[:most]}…"


def capital(text: str) -> str:
    """A text as a sentence begins, without the dot that may end it; a command stays as it is typed."""
    said = text.rstrip(".")
    return said if said.startswith("pgjobs") else f"{said[:1].upper()}{said[1:]}"


def sentence(problem: Problem) -> str:
    """What a problem says, as a sentence."""
    return f"{capital(problem.sentence)}."


FILTERS: Mapping[str, Callable[..., Any]] = {
    "moment": moment,
    "number": number,
    "duration": duration,
    "percent": percent,
    "badge": badge,
    "pretty": pretty,
    "clip": clip,
    "soft": soft,
    "told": told,
    "capital": capital,
}
