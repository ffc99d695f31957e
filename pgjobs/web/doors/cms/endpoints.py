"""The endpoints of the door of the CMS."""

from __future__ import annotations

from pgjobs.web.doors.cms import files, jobs, links, log

# A POST of JSON to /jobs is found before any other.
ENDPOINTS = (*jobs.ENDPOINTS, *links.ENDPOINTS, *log.ENDPOINTS, *files.ENDPOINTS)
