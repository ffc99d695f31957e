"""What the OpenAPI document says of injection files and of logs at the door of the CMS."""

from __future__ import annotations

from pgjobs.web.doc import COUNT, MOMENT, TEXT, Answer, Body, Doc, Link, Query, empty_too, listing, record

NAME = {"type": "string", "minLength": 1, "maxLength": 127}
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
    description="The body is the file as it is, plain or packed with gzip. It is stored whole or not at all.",
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
