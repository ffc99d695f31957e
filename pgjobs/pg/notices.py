"""What functions of the schema tell beside their result: jobs that were broken off or set aside, stuck tasks."""

from __future__ import annotations

import logging

from psycopg.errors import Diagnostic

logger = logging.getLogger(__name__)
LEVELS = {"job_broken_off": logging.ERROR, "job_postponed": logging.WARNING, "task_stuck": logging.WARNING}
"""By the code of a notice, which travels as its constraint name; see break_off_or_postpone() and leave_task_job()."""


def log_notice(notice: Diagnostic) -> None:
    """Log a notice of schema pgjobs; what triggers of the operator's say is for others."""
    if notice.schema_name == "pgjobs":
        logger.log(LEVELS.get(notice.constraint_name or "", logging.INFO), "%s", notice.message_primary)
