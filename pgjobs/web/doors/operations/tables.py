"""What is found as a table of text: the two forms there are, and how a line of each is written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Form(NamedTuple):
    """How an answer is written; a table has a delimiter and a line end."""

    media: str
    delimiter: str = ""
    line_end: str = ""


JSON = Form("application/json")
SEMICOLONS = Form("text/plain; charset=utf-8", ";", "\n")
"""As the vendor's clients ask for it."""
COMMAS = Form("text/csv; charset=utf-8; header=present", ",", "\r\n")
"""RFC 4180."""
FORMS = {"application/json": JSON, "text/plain": SEMICOLONS, "text/csv": COMMAS}
FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet program may take for the beginning of a formula."""
NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")


def wanted_form(accept: Iterable[str]) -> Form:
    """The form that the header Accept prefers: JSON, unless it names one of the others and likes it better."""
    best, most = JSON, 0.0
    for place in ",".join(accept).split(","):
        kind, *parameters = (part.strip().lower() for part in place.split(";"))
        liked = _quality(parameters)
        form = FORMS.get(kind, JSON if kind in ("*/*", "application/*") else None)
        if form is not None and (liked > most or (liked == most and most > 0 and form is JSON and kind != "*/*")):
            best, most = form, liked
    return best


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, text = parameter.partition("=")
        if name.strip() == "q":
            return float(text) if re.fullmatch(r"[01]([.][0-9]{0,3})?", text.strip()) else 0.0
    return 1.0


def lines(rows: Iterable[Sequence[str | None]], form: Form) -> bytes:
    """Rows of a table; a cell that a spreadsheet program would take for a formula has an apostrophe before it."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=form.delimiter, lineterminator=form.line_end)
    writer.writerows([[harmless(cell) for cell in row] for row in rows])
    return written.getvalue().encode()


def harmless(cell: str | None) -> str:
    """A cell as it is written; nothing is an empty one."""
    if cell and FORMULA.match(cell) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell or ""
