"""The door of the page: its paths at the root beside those of the CMS, its callers, and errors as pages."""

from __future__ import annotations

from pgjobs.web.door import Door
from pgjobs.web.doors.page import assets, events, items, job, listing, live, logs, report, signin, system
from pgjobs.web.doors.page.callers import cookie_or_token
from pgjobs.web.doors.page.doc import DOOR as DOC
from pgjobs.web.doors.page.render import render

ENDPOINTS = (
    *listing.ENDPOINTS,
    *job.ENDPOINTS,
    *events.ENDPOINTS,
    *items.ENDPOINTS,
    *logs.ENDPOINTS,
    *live.ENDPOINTS,
    *system.ENDPOINTS,
    *report.ENDPOINTS,
    *signin.ENDPOINTS,
    *assets.ENDPOINTS,
)
DOOR = Door(
    "page",
    "",
    ENDPOINTS,
    authenticate=cookie_or_token,
    render=render,
    doc=DOC,
    shares_root=True,
    for_browsers=True,
)
