"""What the OpenAPI document says of injection files and of logs at the door of the CMS."""

from __future__ import annotations

from pgjobs.web.doc import COUNT, MOMENT, TEXT, Answer, Body, Doc, Link, Query, empty_too, listing, record

NAME = {"type": "string", "minLength": 1, "maxLength": 127}
OFFSET = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
FILE = {
    "name": TEXT,
    "bytes": COUNT,
    "modified_at": MOMENT,
    "readable_in_seconds": {"type": "number", "minimum": 0},
}
UPLOAD = Doc(
    "Upload an injection file",
    {
        201: Answer(
            "The file, complete and on disk.",
            record({**FILE, "sha256": TEXT}),
            headers={"Location": "Where it is shown."},
            links={"the file": Link("GET /files/{name}", {"name": "$response.body#/name"})},
        ),
        409: Answer("Something of this name is there already, and stays as it is."),
        507: Answer("There is no room for it."),
    },
    path={"name": NAME},
    body=Body({}, ("application/octet-stream",)),
    description="The body is the file as it is, plain or packed with gzip. It is stored whole or not at all."
    " `Idempotency-Key` has no effect here.",
)
LISTING = Doc(
    "Injection files, by name",
    {200: Answer("A page of files.", listing(record(FILE)))},
    (
        Query("limit", empty_too({"type": "integer", "minimum": 1, "maximum": 1000}), "so many files at most"),
        Query("after", TEXT, "the page of files behind this name"),
    ),
)
SHOW = Doc(
    "One injection file: its size, and when a daemon reads it",
    {200: Answer("The file.", record(FILE)), 404: Answer("There is no such file.")},
    path={"name": NAME},
)
LOG = Doc(
    "The log of a job: whole, by offset, or of one msisdn",
    {
        200: Answer(
            "Whole lines of the log, up to what is committed.",
            TEXT,
            media="text/plain",
            headers={"X-Next-Offset": "Where the next line begins; not with msisdn."},
        ),
        404: Answer("There is no such job, it has no log yet, or the log lies on another host."),
        409: Answer("A file of the log is shorter than what was committed, or is no file."),
        410: Answer("The log was removed, after its keep time or by somebody."),
    },
    (
        Query("offset", empty_too(OFFSET), "begin at this byte, or at the first line behind it"),
        Query("limit", empty_too({"type": "integer", "minimum": 1, "maximum": 10_000}), "so many lines at most"),
        Query("msisdn", {"type": "string", "pattern": "^([0-9]{5,20})?$"}, "only the lines of this msisdn"),
        Query("shard", empty_too(OFFSET), "only the log of this shard"),
    ),
)
