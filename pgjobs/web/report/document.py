"""The report as one file of HTML: its style stands inside, it loads nothing, runs nothing, and holds its own JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache

from markupsafe import Markup

import pgjobs
from pgjobs.web.doors.page.files import file
from pgjobs.web.doors.page.render import TEMPLATE

STYLE = "page.css"


@cache
def style() -> str:
    """The stylesheet of the page, as it stands in the file."""
    return file(STYLE).content.decode()


@cache
def policy(*, framed: bool = True) -> str:
    """The Content-Security-Policy: nothing but this very style; of frames an element of the file can say nothing."""
    fingerprint = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    ends = "; frame-ancestors 'none'" if framed else ""
    return f"default-src 'none'; style-src 'sha256-{fingerprint}'; base-uri 'none'; form-action 'none'{ends}"


def written(text: str) -> str:
    """The file for a report, which is the JSON of pgjobs.job_report()."""
    # Nothing of it may end the element that holds it.
    data = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return TEMPLATE.get_template("report.html").render(
        report=json.loads(text),
        data=Markup(data),  # noqa: S704 no < is left in it
        style=Markup(style()),  # noqa: S704 a file of our own
        policy=policy(framed=False),
        version=pgjobs.__version__,
    )
