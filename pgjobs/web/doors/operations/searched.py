"""What the OpenAPI document says of the searches."""

from __future__ import annotations

from pgjobs.web.doc import (
    ANY_OBJECT,
    COUNT,
    MOMENT,
    TEXT,
    Answer,
    Body,
    Doc,
    Query,
    Schema,
    choice,
    listing,
    maybe,
    record,
)

TABLES = ("text/csv", "text/plain")
FLAG: Schema = {"enum": ["true", "false", "True", "False"]}
QUERY = (
    Query("caseSensitive", FLAG, "false: texts are compared whatever their capitals"),
    Query("summary", FLAG, "true: the answer has the summary besides"),
    Query("flattened", FLAG, "without effect"),
    Query("utc", FLAG, "without effect: moments are in UTC"),
    Query("defaultSorted", FLAG, "without effect: what has no order of its own comes with the newest first"),
)
WHOLE: Schema = {"type": ["integer", "string", "null"]}
ORDER = record({"name": TEXT, "type": maybe(choice("ASCENDING", "DESCENDING"))}, "type")
COLUMN = record({"name": TEXT, "fields": listing(record({"field": TEXT, "alias": TEXT}, "alias"))}, "fields")
ASKED = {
    "filter": maybe(ANY_OBJECT),
    "limit": maybe(record({"start": WHOLE, "size": WHOLE}, "start", "size")),
    "sort": maybe(record({"parameters": maybe(listing(ORDER))}, "parameters")),
    "select": maybe(listing({"anyOf": [TEXT, COLUMN]})),
    "group": maybe(record({"parameters": maybe(listing(record({"name": TEXT})))}, "parameters")),
}
BODY = Body(record(ASKED, *ASKED), required=False)
PLACE: Schema = {"type": "integer", "minimum": 1}
PAGE = record({"number": PLACE, "of": PLACE})
VALUES = record({"count": COUNT, "list": listing(record({"count": COUNT, "name": TEXT}))})
GROUP: Schema = {"type": "object", "additionalProperties": VALUES}
SUMMARY = record({"date": MOMENT, "count": COUNT, "summaryGroup": listing(GROUP)})


def rows(what: str) -> Doc:
    """A search that shows what it finds."""
    answer = record({what: listing(ANY_OBJECT), "page": PAGE, "summary": SUMMARY}, "summary")
    answers = {200: Answer(f"a page of {what}; a table for Accept: text/csv or text/plain", answer, texts=TABLES)}
    return Doc(f"search {what}", answers | {204: Answer("there are no more")}, query=QUERY, body=BODY)


def counts(what: str) -> Doc:
    """A search that counts what it finds."""
    return Doc(
        f"count {what}", {200: Answer("how many there are", record({"summary": SUMMARY}))}, query=QUERY, body=BODY
    )
