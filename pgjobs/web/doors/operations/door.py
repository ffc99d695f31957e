"""The door of operation jobs: its paths, how it knows its callers, and how it writes errors."""

from __future__ import annotations

from pgjobs.web.door import Door
from pgjobs.web.doors.operations import doc, jobs, search, tasks, types
from pgjobs.web.doors.operations.answers import render
from pgjobs.web.doors.operations.callers import api_key

ENDPOINTS = (*types.ENDPOINTS, *jobs.ENDPOINTS, *tasks.ENDPOINTS, *search.ENDPOINTS)
DOOR = Door("operations", "/north/v80", ENDPOINTS, authenticate=api_key, render=render, doc=doc.DOOR)
