"""What the OpenAPI document says of operation jobs."""

from __future__ import annotations

from typing import Any

from pgjobs.web.doc import IF_MATCH, ONCE, Answer, Body, Doc, Query, Schema


def record(*needed: str, **properties: Schema) -> dict[str, Any]:
    """An object of these keys and no others; `needed`: those that are always there."""
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": list(needed)} if needed else {})


def whole_record(**properties: Schema) -> dict[str, Any]:
    """An object that has all of these keys."""
    return record(*properties, **properties)


def array(items: Schema, **more: object) -> dict[str, Any]:
    """An array of these."""
    return {"type": "array", "items": items, **more}


def optional(schema: Schema) -> dict[str, Any]:
    """What may also be null, as if it were not given."""
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false", None]}]}
MOMENT: Schema = {"type": "string", "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": ["number", "string", "null"]}
OBJECT: Schema = {"type": "object"}
STATUSES = (
    "INITIATING", "IDLE", "SCHEDULED", "IN_PROGRESS", "PAUSED", "CANCELLING", "CANCELLED", "FINISHED",
)  # fmt: skip
RESOURCE_TYPES = (
    "entity.device", "entity.asset", "entity.commsModule", "entity.subscription", "entity.subscriber",
)  # fmt: skip

WHEN = optional(record(date=optional(MOMENT), delayed=NUMBER))
STRATEGY = optional(record(field=optional(TEXT), factor=NUMBER, warningMaxRate=NUMBER))
WINDOW = record(
    days=optional(array({"enum": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]})),
    start=TEXT, stop=TEXT, zone=TEXT, holidays=TEXT,
)  # fmt: skip
SCHEDULE = optional(
    record(
        start=WHEN,
        stop=WHEN,
        scattering=optional(record(maxSpread=NUMBER, strategy=STRATEGY)),
        window=optional(WINDOW),
    )
)
RULES = optional(
    record(
        timeout=NUMBER, ackTimeout=NUMBER, retries=NUMBER, retriesDelay=NUMBER, retryResultList=optional(array(TEXT))
    )
)
NAMED = {"type": "string", "minLength": 1}
ENTITIES = optional(array(NAMED))
APPEND = optional(
    record(
        entities=ENTITIES,
        entitiesWithParameters=optional(array(record("id", id=NAMED, parameters=OBJECT))),
        tags=optional(array(NAMED)),
    )
)
TARGET = optional(record(append=APPEND, remove=optional(record(entities=ENTITIES)), filter=optional(OBJECT)))
REQUEST = record(
    "name",
    name=TEXT,
    active=FLAG,
    notify=FLAG,
    callback=optional(TEXT),
    userNotes=optional(TEXT),
    parameters=optional(OBJECT),
    schedule=SCHEDULE,
    operationParameters=RULES,
    target=TARGET,
)
CHANGE = {key: kept for key, kept in REQUEST.items() if key != "required"}

EXECUTION = record(activatedDate=MOMENT, startedDate=MOMENT, finishedDate=MOMENT)
SUMMARY = whole_record(
    status={"enum": list(STATUSES)},
    total=COUNT,
    inProgress=whole_record(
        total=COUNT, pendingExecution=COUNT, scheduled=COUNT, started=COUNT, waitingForConnection=COUNT
    ),
    finished=whole_record(
        total=COUNT,
        successful=COUNT,
        error=COUNT,
        cancelled=whole_record(
            total=COUNT, byUser=COUNT, byTimeout=COUNT, byEngine=COUNT, byExternal=COUNT, byExternalTimeout=COUNT
        ),
    ),
    finishedOutOfTime=whole_record(total=COUNT, successful=COUNT, error=COUNT),
)
REFUSED = record(
    "notProvisioned", "notAllowed", "duplicated",
    notProvisioned=array(TEXT), notAllowed=array(TEXT), duplicated=array(TEXT), notInJob=array(TEXT),
)  # fmt: skip
REPORT = record("execution", "summary", execution=EXECUTION, summary=SUMMARY, target=REFUSED, warnings=array(TEXT))
JOB = record("id", "request", "report", id=TEXT, taskId=TEXT, request=OBJECT, report=REPORT)
OPERATION_RECORD = whole_record(
    operationId=TEXT,
    jobId=TEXT,
    entityId={"type": ["string", "null"]},
    resourceType={"type": ["string", "null"]},
    name=TEXT,
    parameters=OBJECT,
    attempts=whole_record(total=COUNT, current=COUNT),
    notify={"type": "boolean"},
    execution=OBJECT,
    user={"type": ["string", "null"]},
    status={"enum": ["PENDING_EXECUTION", "SCHEDULED", "IN_PROGRESS", "WAITING_FOR_CONNECTION", "FINISHED"]},
    result={"type": ["string", "null"]},
    description={"type": ["string", "null"]},
    date=MOMENT,
    steps=array(OBJECT),
)
PAGE = whole_record(number={"type": "integer", "minimum": 1}, of={"type": "integer", "minimum": 1})
ETAG = {"ETag": "the revision of the job, for If-Match"}
RESOURCE_TYPE = Query("resourceType", {"enum": list(RESOURCE_TYPES)}, "only entities of this type")

CREATE = Doc(
    "create a job",
    {201: Answer("the job", JOB, headers={"Location": "where the job is"} | ETAG)},
    query=(RESOURCE_TYPE,),
    body=Body(whole_record(job=record("request", id=optional(TEXT), request=REQUEST))),
    headers=(ONCE,),
)
SHOW = Doc("a job", {200: Answer("the job", whole_record(job=JOB), headers=ETAG)})
UPDATE = Doc(
    "change a job, pause it, or let it go on",
    {200: Answer("the job", JOB, headers=ETAG)},
    query=(RESOURCE_TYPE,),
    body=Body(
        whole_record(
            job=record("request", id=optional(TEXT), taskId=optional(TEXT), request=CHANGE, report=optional(OBJECT))
        )
    ),
    headers=(IF_MATCH,),
)
CANCEL = Doc("cancel a job for good", {200: Answer("the job", JOB, headers=ETAG)}, headers=(IF_MATCH,))
OPERATIONS = Doc(
    "a page of the operations of a job",
    {
        200: Answer("the page", whole_record(operations=array(OPERATION_RECORD), page=PAGE)),
        204: Answer("there are no more"),
    },
    query=(
        Query("start", {"type": "integer", "minimum": 0}, "the page, from 1; 0 is the first one, too"),
        Query("size", {"type": "integer", "minimum": 1, "maximum": 1000}, "operations in a page: 10, if not given"),
    ),
)
OPERATION = Doc("an operation", {200: Answer("the operation", whole_record(operation=OPERATION_RECORD))})
