"""What the OpenAPI document says of the door of the CMS."""

from __future__ import annotations

from pgjobs.web.doc import (
    COUNT,
    FLAG,
    IF_MATCH,
    MOMENT,
    NUMBER,
    ONCE,
    TEXT,
    Answer,
    Body,
    Doc,
    DoorDoc,
    Link,
    Query,
    Schema,
    choice,
    empty_too,
    listing,
    maybe,
    record,
    shape,
)
from pgjobs.web.doors.cms.doc_columns import COLUMNS, CREATED, WRITTEN

WHOLE_NUMBER = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
"""As many digits as a parameter may have."""
PROGRESS = record({
    "owner": maybe(TEXT),
    "total": maybe(NUMBER),
    "considered": COUNT,
    "sent": COUNT,
    "skipped": COUNT,
    "returned": COUNT,
    "percent": {"type": "number"},
    "rate": maybe({"type": "number"}),
    "eta": maybe(MOMENT),
    "log_path": maybe(TEXT),
    "started_at": maybe(MOMENT),
    "updated_at": maybe(MOMENT),
})  # fmt: skip
ITEMS = record(
    {
        "waiting": COUNT,
        "launched": COUNT,
        "to_retry": COUNT,
        "good": COUNT,
        "failed": COUNT,
        "timed_out": COUNT,
        "cancelled": COUNT,
        "refused": COUNT,
        "late_good": COUNT,
        "late_failed": COUNT,
        "repeated": COUNT,
        "has_failed": FLAG,
    },
    "has_failed",
)
JOB_PROPERTIES: dict[str, Schema] = {
    "id": NUMBER,
    "type": TEXT,
    "name": maybe(TEXT),
    "status": choice("ready", "in progress", "canceled", "done", "error"),
    "id_user": maybe(NUMBER),
    "created_at": maybe(MOMENT),
    "run_at": maybe(MOMENT),
    "finish_at": maybe(MOMENT),
    "params": {},
    "file_name": maybe(TEXT),
    "log_path": maybe(TEXT),
    "active": FLAG,
    "progress": PROGRESS,
    "why": maybe(TEXT),
    "items": ITEMS,
}
JOB = record(JOB_PROPERTIES | {"remark": TEXT}, "items", "remark")
WHOLE_JOB = record(
    JOB_PROPERTIES
    | {name: schema for name, schema in COLUMNS.items() if name not in JOB_PROPERTIES}
    | {"guid": {"type": "string", "format": "uuid"}, "submitted_by": maybe(TEXT), "task_id": maybe(NUMBER)}
    | {"remark": maybe(TEXT)},
    "items",
)
DOOR = DoorDoc(
    "CMS",
    "Jobs and what people do with them. An error has a sentence, a code for programs and a hint; a browser gets it as a"
    " page.",
    record({"error": TEXT, "code": TEXT, "hint": TEXT}),
    texts=("text/html",),
    shapes={"Job": JOB, "WholeJob": WHOLE_JOB},
)

ID = Query("id", NUMBER, "number of the job", required=True)
LIMIT = Query("limit", empty_too({"type": "integer", "minimum": 1, "maximum": 1000}), "so many jobs at most")
FOUND = Answer("The job.", shape("Job"))
UNKNOWN = Answer("There is no such job.")
VERBS = ("start", "stop", "pause", "resume", "cancel", "status")
OF_THE_FIRST = {verb: Link(f"GET /jobs/{verb}", {"id": "$response.body#/0/id"}) for verb in VERBS}
"""What can be done with the first job of a list."""


def change(summary: str, description: str = "") -> Doc:
    """A verb that changes a job."""
    conflict = Answer("The job can't do that in its state; the sentence names the states that it may have next.")
    return Doc(summary, {200: FOUND, 404: UNKNOWN, 409: conflict}, (ID,), description=description, form=True)


WHOLE = Answer("The job with all that can be written.", shape("WholeJob"), headers={"ETag": "the revision of the job"})
THIS = {"id": "$response.body#/id"}
OF_THIS = {verb: Link(f"GET /jobs/{verb}", THIS) for verb in VERBS} | {
    "show": Link("GET /jobs/{id}", THIS),
    "change": Link("PATCH /jobs/{id}", THIS),
    "outcomes": Link("GET /jobs/{id}/outcomes", THIS),
    "events": Link("GET /jobs/{id}/events", THIS),
}
CREATE = Doc(
    "Create a job",
    {
        201: Answer(
            "The new job.", shape("WholeJob"), headers={"ETag": "its revision", "Location": "its path"}, links=OF_THIS
        ),
        409: Answer("Another job has the idempotency key, or another request had this Idempotency-Key."),
    },
    body=Body(
        record(CREATED, *(name for name in CREATED if name != "type")),
        example={"type": "expired", "params": {"never": 1, "dry_run": True}, "active": False},
    ),
    headers=(ONCE,),
)
SHOW = Doc("One job with all that can be written", {200: WHOLE, 404: UNKNOWN})
CHANGE = Doc(
    "Write some columns of a job",
    {200: WHOLE, 404: UNKNOWN, 409: Answer("The job can't be changed so any more.")},
    body=Body({**record(WRITTEN, *WRITTEN), "minProperties": 1}, example={"priority": 7}),
    headers=(IF_MATCH,),
)
OUTCOMES = Doc(
    "How many records were sent, and how many were not, by reason",
    {
        200: Answer(
            "One element for each outcome.",
            listing(record({"action": TEXT, "code": maybe(TEXT), "reason": maybe(TEXT), "records": COUNT})),
        ),
        404: UNKNOWN,
    },
)
EVENT = record({
    "id": NUMBER,
    "at": MOMENT,
    "from_status": maybe(TEXT),
    "to_status": maybe(TEXT),
    "reason": maybe(TEXT),
    "actor": maybe(TEXT),
    "role": maybe(TEXT),
    "application": maybe(TEXT),
})  # fmt: skip
EVENTS = Doc(
    "What happened to a job, the oldest first",
    {200: Answer("A page of events.", listing(EVENT)), 404: UNKNOWN},
    (LIMIT, Query("after", empty_too(WHOLE_NUMBER), "the page of events after this id")),
)
START = change("Run a ready job now")
STOP = change("Stop a ready or running job")
PAUSE = change("Hold a ready job back, or pause a running one", "It keeps its state, and `active` is false.")
RESUME = change(
    "Let a job go on that is paused, held, stopped or broken off", "It continues after its last confirmed record."
)
CANCEL = change(
    "Stop a job for good",
    "Also one that was stopped or broke off. It can't be resumed, and its open items are closed as cancelled.",
)
STATUS = Doc(
    "One job, or the running ones",
    {
        200: Answer("The job, or an array of the running ones.", {"anyOf": [shape("Job"), listing(shape("Job"))]}),
        404: UNKNOWN,
    },
    (
        Query("id", NUMBER, "number of the job; without it: all that run"),
        Query("limit", LIMIT.schema, "so many running jobs at most"),
        Query(
            "after",
            empty_too(WHOLE_NUMBER),
            "the page of running jobs after this id",
        ),
    ),
    form=True,
)
JOBS = Doc(
    "Jobs, newest first",
    {200: Answer("A page of jobs.", listing(shape("Job")), links=OF_THE_FIRST)},
    (
        Query(
            "status",
            empty_too(choice("ready", "in progress", "canceled", "cancelled", "done", "error")),
            "only those in this state",
        ),
        Query("type", {"type": "string", "format": "job-type"}, "only those of this type"),
        LIMIT,
        Query("before", empty_too(NUMBER), "the page of jobs below this id"),
    ),
    form=True,
)
SUSPENDED = Doc(
    "Publish suspended subscriptions",
    {
        200: Answer("So many were published.", COUNT),
        409: Answer("Somebody else's trigger refuses it."),
    },
    (
        Query("limit", empty_too({"type": "integer", "minimum": 0, "maximum": 10_000_000}), "so many at most"),
        Query("hours", empty_too({"type": "integer", "minimum": 0, "maximum": 1_000_000}), "only those that are older"),
    ),
    form=True,
)
