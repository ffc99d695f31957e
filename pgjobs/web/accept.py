"""What a request asks for: whether a person's browser asks for a page, or a program for what its door writes."""

from __future__ import annotations

from starlette.datastructures import Headers

PAGE, OLD_PICTURE, WHOLE_PAGE = "text/html", "image/gif", "application/xhtml+xml"
"""HttpURLConnection of Java asks for HTML and GIF by itself, and no browser does without XHTML."""


def wants_page(headers: Headers) -> bool:
    """Whether HTML is asked for by name, and no kind of JSON is preferred to it."""
    asked = {kind: share for header in headers.getlist("accept") for kind, share in _kinds(header)}
    if OLD_PICTURE in asked and WHOLE_PAGE not in asked:
        return False
    return asked.get(PAGE, 0) > max((share for kind, share in asked.items() if kind.endswith("json")), default=0)


def _kinds(header: str) -> list[tuple[str, float]]:
    """Each kind of a header Accept with its share; one that is no number counts as none."""
    kinds = []
    for part in header.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        shares = [word.partition("=")[2].strip() for word in parameters if word.partition("=")[0].strip() == "q"]
        kinds.append((kind, _share(shares[0]) if shares else 1.0))
    return kinds


def _share(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
