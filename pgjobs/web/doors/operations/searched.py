"""What the OpenAPI document says of the searches."""

from __future__ import annotations

from pgjobs.web.doc import Answer, Body, Doc, Query, Schema

TABLES = ("text/csv", "text/plain")
FLAG: Schema = {"enum": ["true", "false", "True", "False"]}
QUERY = (
    Query("caseSensitive", FLAG, "false: texts are compared whatever their capitals"),
    Query("summary", FLAG, "true: the answer has the summary besides"),
    Query("flattened", FLAG, "without effect"),
    Query("utc", FLAG, "without effect: moments are in UTC"),
    Query("defaultSorted", FLAG, "without effect: what has no order of its own comes with the newest first"),
)
NAMED: Schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
LIST: Schema = {"type": ["object", "null"], "properties": {"parameters": {"type": ["array", "null"], "items": NAMED}}}
WHOLE: Schema = {"type": ["integer", "string", "null"]}
BODY = Body(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "filter": {"type": ["object", "null"]},
            "limit": {"type": ["object", "null"], "properties": {"start": WHOLE, "size": WHOLE}},
            "sort": LIST,
            "select": {"type": ["array", "null"], "items": {"anyOf": [{"type": "string"}, NAMED]}},
            "group": LIST,
        },
    },
    required=False,
)
COUNT: Schema = {"type": "integer", "minimum": 0}
PAGE: Schema = {
    "type": "object",
    "required": ["number", "of"],
    "properties": {"number": {"type": "integer", "minimum": 1}, "of": {"type": "integer", "minimum": 1}},
}
SUMMARY: Schema = {
    "type": "object",
    "required": ["date", "count", "summaryGroup"],
    "properties": {
        "date": {"type": "string", "format": "date-time"},
        "count": COUNT,
        "summaryGroup": {"type": "array", "items": {"type": "object"}},
    },
}


def rows(what: str) -> Doc:
    """A search that shows what it finds."""
    answer: Schema = {
        "type": "object",
        "required": [what, "page"],
        "properties": {what: {"type": "array", "items": {"type": "object"}}, "page": PAGE, "summary": SUMMARY},
    }
    answers = {200: Answer(f"a page of {what}; a table for Accept: text/csv or text/plain", answer, texts=TABLES)}
    return Doc(f"search {what}", answers | {204: Answer("there are no more")}, query=QUERY, body=BODY)


def counts(what: str) -> Doc:
    """A search that counts what it finds."""
    answer: Schema = {"type": "object", "required": ["summary"], "properties": {"summary": SUMMARY}}
    return Doc(f"count {what}", {200: Answer("how many there are", answer)}, query=QUERY, body=BODY)
