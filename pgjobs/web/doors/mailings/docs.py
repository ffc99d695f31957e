"""What the OpenAPI document says of the endpoints of mailings."""

from __future__ import annotations

from dataclasses import replace

from pgjobs.web.doc import COUNT, Answer, Body, Doc, DoorDoc, Link, Query, Schema, choice, listing, maybe, record, shape

ID: Schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
WORD = r"^[^\u0000-\u001f\u007f]*[^\u0000-\u0020\u007f][^\u0000-\u001f\u007f]*$"
"""Something is to be seen in it, and no control character is."""
SIGNS = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*"
LINES = rf"^{SIGNS}[^\u0000-\u0020\u007f]{SIGNS}$"
"""The same, in several lines."""
PHONE: Schema = {
    "anyOf": [
        {"type": "string", "pattern": "^7[0-9]{10}$"},
        {"type": "integer", "minimum": 70_000_000_000, "maximum": 79_999_999_999},
    ]
}
MOMENT: Schema = {"type": "string", "format": "date-time"}


def word(most: int) -> Schema:
    """A text in one line, of so many characters at most."""
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": WORD}


CLIENT_FIELDS: dict[str, Schema] = {
    "phone": PHONE,
    "operator_code": word(10),
    "tag": maybe(word(10)),
    "timezone": word(50),
}
MAILING_FIELDS: dict[str, Schema] = {
    "start_time": MOMENT,
    "text": {"type": "string", "minLength": 1, "maxLength": 10_000, "pattern": LINES},
    "client_operator_code_filter": maybe(word(10)),
    "client_tag_filter": maybe(word(10)),
    "end_time": MOMENT,
    "time_interval": {
        "type": ["string", "null"],
        "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$",
    },
}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
CLIENT = record({"id": ID, **dict.fromkeys(CLIENT_FIELDS, TEXT_OR_NULL)})
MAILING = record({"id": ID, **MAILING_FIELDS}, "time_interval")
MESSAGE_DATA = listing(record({"status": choice("FAILED", "Pending", "SENT", "TIMEOUT"), "count": COUNT}))
SENTENCE: Schema = {"type": "string"}
DOOR = DoorDoc(
    "Mailings",
    "Clients, mailings to them, and statistics. Each path may end with a slash as well.",
    {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [SENTENCE, listing(SENTENCE)]}},
    shapes={
        "Client": CLIENT,
        "Mailing": MAILING,
        "Statistics": record({"message_data": MESSAGE_DATA}),
        "AllStatistics": record({"message_data": MESSAGE_DATA, "total_mailings": COUNT}),
    },
)
AFTER = Query("after", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, "what comes behind this id")
LIMIT = Query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "so many at most")
KEY: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
ONCE = Query("Idempotency-Key", KEY, "the same request under the same key gets the same answer again, for a day")
PATH = {"id": ID}
NOBODY = {404: Answer("There is none with this id.")}
REPEATED = {409: Answer("Another request had this Idempotency-Key.")}
# Of a PUT or PATCH the id in the body has to be that of the path, so the document leaves it out.


def _body(fields: dict[str, Schema], *optional: str, example: object = None) -> Body:
    return Body(record(fields, *optional), example=example)


def _links(things: str) -> dict[str, Link]:
    """What can be done with a thing that was just made."""
    verbs = {"show": "GET", "change": "PATCH", "delete": "DELETE"}
    return {
        verb: Link(f"{method} /api/v1/{things}/{{id}}", {"id": "$response.body#/id"}) for verb, method in verbs.items()
    }


A_CLIENT = {"phone": "78218173218", "operator_code": "123", "tag": "VIP", "timezone": "Europe/Moscow"}
A_MAILING = {
    "start_time": "2022-12-02T16:50:00Z",
    "text": "hello",
    "client_tag_filter": "VIP",
    "end_time": "2128-11-20T00:00:00Z",
}
CHOSEN = ("client_operator_code_filter", "client_tag_filter", "time_interval")
LIST_CLIENTS = Doc("Clients, by their ids", {200: Answer("A page.", listing(shape("Client")))}, (AFTER, LIMIT))
CREATE_CLIENT = Doc(
    "Add a client",
    {201: Answer("The client.", shape("Client"), links=_links("clients")), **REPEATED},
    body=_body(CLIENT_FIELDS, "tag", example=A_CLIENT),
    headers=(ONCE,),
)
SHOW_CLIENT = Doc("One client", {200: Answer("The client.", shape("Client")), **NOBODY}, path=PATH)
PUT_CLIENT = replace(SHOW_CLIENT, summary="Change a client wholly", body=CREATE_CLIENT.body)
PATCH_CLIENT = replace(
    SHOW_CLIENT,
    summary="Change some fields of a client",
    body=_body(CLIENT_FIELDS, *CLIENT_FIELDS, example={"tag": "VIP"}),
)
DELETE_CLIENT = Doc("Remove a client, and close its open messages", {204: Answer("It is gone."), **NOBODY}, path=PATH)
ALL_STATISTICS = Doc(
    "Statistics over all mailings", {200: Answer("Messages by status, and mailings.", shape("AllStatistics"))}
)
CREATE_MAILING = Doc(
    "Add a mailing",
    {201: Answer("The mailing.", shape("Mailing"), links=_links("mailings")), **REPEATED},
    body=_body(MAILING_FIELDS, *CHOSEN, example=A_MAILING),
    headers=(ONCE,),
)
STATISTICS = Doc(
    "Statistics of a mailing", {200: Answer("Messages by status.", shape("Statistics")), **NOBODY}, path=PATH
)
PUT_MAILING = Doc(
    "Change a mailing wholly, until it has started",
    {200: Answer("The mailing.", shape("Mailing")), **NOBODY},
    path=PATH,
    body=CREATE_MAILING.body,
)
PATCH_MAILING = replace(
    PUT_MAILING,
    summary="Change some fields of a mailing, until it has started",
    body=_body(MAILING_FIELDS, *MAILING_FIELDS, example={"text": "good day"}),
)
DELETE_MAILING = Doc(
    "Stop a mailing for good, and show it no longer", {204: Answer("It is gone."), **NOBODY}, path=PATH
)
MESSAGE = record(
    {
        "id": {"type": "string"},
        "mailing": ID,
        "client": ID,
        "status": choice("FAILED", "Pending", "SENT", "TIMEOUT"),
        "attempts": COUNT,
        "queued_at": maybe(MOMENT),
        "closed_at": maybe(MOMENT),
        "next_attempt_at": maybe(MOMENT),
        "result": TEXT_OR_NULL,
        "description": TEXT_OR_NULL,
        "sent_late": {"type": "boolean"},
        "agent": TEXT_OR_NULL,
        "steps": {"type": ["array", "null"]},
    }
)
EVENT = record({"at": MOMENT, "status": TEXT_OR_NULL, "by": TEXT_OR_NULL, "reason": TEXT_OR_NULL})
MAILING_LOG = Doc(
    "All that is known of a mailing",
    {
        200: Answer(
            "State, events, and a page of its messages by their clients.",
            record(
                {
                    "mailing": shape("Mailing"),
                    "state": {"type": "string"},
                    "why": TEXT_OR_NULL,
                    "ended_at": maybe(MOMENT),
                    "deleted_at": maybe(MOMENT),
                    "message_data": MESSAGE_DATA,
                    "sent_late": COUNT,
                    "unknown_timezones": maybe(COUNT),
                    "log_files": listing({"type": "string"}),
                    "events": listing(EVENT),
                    "messages": listing(MESSAGE),
                    "next": maybe(ID),
                }
            ),
        ),
        **NOBODY,
    },
    (AFTER, LIMIT),
    path=PATH,
)
CLIENT_LOG = Doc(
    "The messages to a client, newest first",
    {
        200: Answer(
            "Those of 1000 mailings; next is what to give as before.",
            record({"messages": listing(MESSAGE), "next": maybe(ID)}),
        ),
    },
    (
        Query("client", AFTER.schema, "the id of the client, who may be gone", required=True),
        Query("before", AFTER.schema, "those of mailings below this id"),
    ),
)
MESSAGE_LOG = Doc(
    "What became of a message",
    {200: Answer("The message.", MESSAGE), **NOBODY},
    path={"id": {"type": "string", "pattern": "^[0-9]{1,18}(-[0-9]{1,18}){0,2}$"}},
)
REPORT = Doc(
    "The statistics of a day",
    {
        200: Answer(
            "Mailings that ran on it, and how many messages came to which end on it.",
            record(
                {
                    "day": {"type": "string", "format": "date"},
                    "message_data": MESSAGE_DATA,
                    "mailings": listing({"type": "object"}),
                }
            ),
        )
    },
    (Query("day", {"type": "string", "format": "date"}, "in UTC; left out: yesterday"),),
)
