"""Job types that HTTP doors offer to their callers: whether a request could ever be accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pgjobs.ops.doctor.finding import Finding, ok, problem
from pgjobs.ops.doctor.work import JobType
from pgjobs.web.errors import Problem
from pgjobs.web.schema import validator

ABOUT = "doors"
OF_OPERATIONS = {"parameters", "resource_type", "tags", "filter", "listed"}
"""What the params of a job of operations may have."""


async def findings(types: list[JobType]) -> AsyncIterator[Finding]:
    """What is wrong with the types that doors offer."""
    offered = [job_type for job_type in types if job_type.doors]
    wrong = [found for job_type in offered for found in (_schema(job_type), _operations(job_type)) if found]
    for found in wrong:
        yield found
    if offered and not wrong:
        yield ok(ABOUT, f"job types that are offered and can be asked for: {len(offered)}")


def _schema(job_type: JobType) -> Finding | None:
    if job_type.params_schema is None:
        return None
    try:
        validator(job_type.params_schema)
    except Problem as wrong:
        return problem(ABOUT, f"{job_type.name}: {wrong.sentence}, so each request is refused", wrong.hint)
    return None


def _operations(job_type: JobType) -> Finding | None:
    if "operations" not in job_type.doors:
        return None
    if not job_type.tracked:
        words = f"{job_type.name}: it is offered as an operation and is not tracked, so each request is refused"
        return problem(ABOUT, words, "set tracked of this type in xmp_job_types, or take operations out of its doors")
    missing = sorted(OF_OPERATIONS - set(job_type.params))
    if missing:
        words = f"{job_type.name}: it is offered as an operation, and its params lack {', '.join(missing)}"
        return problem(ABOUT, words, "add them to params of this type in xmp_job_types")
    return None
