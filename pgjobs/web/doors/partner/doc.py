"""What the OpenAPI document says of the partner door."""

from __future__ import annotations

from pgjobs.web.doc import (
    ANY_OBJECT,
    COUNT,
    TEXT,
    Answer,
    Body,
    Doc,
    DoorDoc,
    Link,
    Query,
    Schema,
    choice,
    listing,
    maybe,
    record,
    shape,
)

XML = ("application/xml",)
HEAD = record({
    "status_code": {"type": "integer"},
    "message": TEXT,
    "method": TEXT,
    "uri": TEXT,
    "format": choice("json", "xml"),
    "start_time": {"type": "number"},
    "total_time": {"type": "number"},
    "record_count": COUNT,
    "total_count": COUNT,
})  # fmt: skip
STATUS_ROW = record(
    {
        "app": TEXT,
        "args": {"type": "object", "additionalProperties": listing({})},
        "command_started_at": TEXT,
        "file_count": COUNT,
        "partner": maybe(TEXT),
        "status_code": {"enum": [200, 202, 500]},
        "status_message": choice("Processed", "Processing", "Internal Server Error"),
        "cinx_id": record({"id": {"type": "string", "format": "uuid"}, "domain": TEXT, "type": TEXT}),
        "job_id": {"type": "string", "format": "uuid"},
    },
    "job_id",
)
JOB_ROW = record({"job_id": {"type": "string", "format": "uuid"}})
PING_ROW = record({"status": {"const": 200}, "message": TEXT})
TEMPLATE_ROW = record({
    "name": TEXT,
    "app": TEXT,
    "template": {},
    "field_options": {"type": "object", "additionalProperties": listing({})},
    "required_post": listing(ANY_OBJECT),
    "required_put": listing(ANY_OBJECT),
})  # fmt: skip


def envelope(*rows: Schema) -> Schema:
    """An answer that has a row of one of these kinds, or none."""
    return record({
        "response": shape("PartnerHead"),
        "rows": {"type": "array", "maxItems": 1 if rows else 0, **({"items": {"anyOf": list(rows)}} if rows else {})},
    })  # fmt: skip


DOOR = DoorDoc(
    "Partner",
    "Partners submit jobs and ask for them by their GUID, as at the CINX gateway. The HTTP status is 200 for every"
    " answer but wrong credentials and a database that is away; what became of the call says `status_code` in"
    " `response`.",
    envelope(),
    {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic", "description": "name of the token, and the token as password"},
        "gateway": {"type": "apiKey", "in": "header", "name": "Bearer"},
    },
    {"PartnerHead": HEAD, "PartnerStatus": STATUS_ROW},
    frozenset({401, 503}),
    XML,
)
FORMAT = Query("format", choice("json", "xml"), "how the answer is written")
SWITCH = choice("0", "1")
MEANS = "A row, or none, and `status_code` says why: 404 unknown, 403 not allowed, 400, 409, 413, 415 as in HTTP."
PING = Doc("Whether the door is open", {200: Answer("It is.", envelope(PING_ROW), texts=XML)}, (FORMAT,))
STATUS = Doc(
    "What became of a job",
    {
        200: Answer(
            "The job; no row, and `status_code` 500, for an unknown id.", envelope(shape("PartnerStatus")), texts=XML
        )
    },
    (FORMAT,),
)
TEMPLATE = Doc("What a payload has to have", {200: Answer(MEANS, envelope(TEMPLATE_ROW), texts=XML)}, (FORMAT,))
SUBMIT = Doc(
    "Submit a payload",
    {
        200: Answer(
            MEANS,
            envelope(JOB_ROW, shape("PartnerStatus")),
            texts=XML,
            links={
                "status": Link("GET {prefix}/1.0/partner/exec/{id}/status", {"id": "$response.body#/rows/0/job_id"})
            },
        )
    },
    (
        Query("body", choice("json"), "the payload is JSON, whatever Content-Type says"),
        Query("synchronous", SWITCH, "1: the answer comes when the job has ended, after half a minute at the latest"),
        Query("auto_submit", SWITCH, "shown in the arguments of the job"),
        FORMAT,
    ),
    body=Body(ANY_OBJECT, ("application/json", "text/plain"), example={"number": "R-1", "allow_substitutes": True}),
    headers=(Query("Idempotency-Key", TEXT, "the same request under the same key makes one job"),),
)
