"""What the OpenAPI document says of the endpoints of mailings."""

from __future__ import annotations

from dataclasses import replace

from pgjobs.web.doc import Answer, Body, Doc, Query, Schema

ID: Schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
PATH = {"id": ID}
AFTER = Query("after", {"type": "integer", "minimum": 0}, "what comes behind this one")
LIMIT = Query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "so many at most")
CLIENT_FIELDS: dict[str, Schema] = {
    "phone": {"type": "string", "pattern": "^7[0-9]{10}$", "examples": ["78218173218"]},
    "operator_code": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": r"^\S+$"},
    "tag": {"type": ["string", "null"], "minLength": 1, "maxLength": 10, "pattern": r"^\S+$"},
    "timezone": {"type": "string", "minLength": 1, "maxLength": 50, "pattern": r"^\S+$", "examples": ["Europe/Moscow"]},
}
MOMENT: Schema = {"type": "string", "format": "date-time"}
FILTER: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 10, "pattern": r"^\S+$"}
MAILING_FIELDS: dict[str, Schema] = {
    "start_time": MOMENT,
    "text": {"type": "string", "minLength": 1, "maxLength": 10000, "pattern": r"\S"},
    "client_operator_code_filter": FILTER,
    "client_tag_filter": FILTER,
    "end_time": MOMENT,
}


def _body(fields: dict[str, Schema], needed: tuple[str, ...]) -> Body:
    return Body({"type": "object", "properties": fields, "required": list(needed), "additionalProperties": False})


def _shown(fields: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": {"id": ID, **fields}, "required": ["id", *fields]}


CLIENT = _shown(
    {name: {"type": ["string", "null"]} for name in CLIENT_FIELDS}  # one that was loaded otherwise may lack something
)
MAILING = _shown(MAILING_FIELDS)
MESSAGE_DATA: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "status": {"enum": ["FAILED", "Pending", "SENT", "TIMEOUT"]},
            "count": {"type": "integer", "minimum": 1},
        },
        "required": ["status", "count"],
    },
}
ONE: Schema = {"type": "object", "properties": {"message_data": MESSAGE_DATA}, "required": ["message_data"]}
ALL: Schema = {
    "type": "object",
    "properties": {"message_data": MESSAGE_DATA, "total_mailings": {"type": "integer", "minimum": 0}},
    "required": ["message_data", "total_mailings"],
}
NEEDED_OF_CLIENT = ("phone", "operator_code", "timezone")
NEEDED_OF_MAILING = ("start_time", "text", "end_time")

LIST_CLIENTS = Doc(
    "Clients, by their ids", {200: Answer("the clients", {"type": "array", "items": CLIENT})}, query=(AFTER, LIMIT)
)
CREATE_CLIENT = Doc("Add a client", {201: Answer("the client", CLIENT)}, body=_body(CLIENT_FIELDS, NEEDED_OF_CLIENT))
SHOW_CLIENT = Doc("One client", {200: Answer("the client", CLIENT)}, path=PATH)
PUT_CLIENT = replace(
    CREATE_CLIENT, summary="Change a client wholly", answers={200: Answer("the client", CLIENT)}, path=PATH
)
PATCH_CLIENT = replace(PUT_CLIENT, summary="Change some fields of a client", body=_body(CLIENT_FIELDS, ()))
DELETE_CLIENT = Doc("Remove a client, and close its open messages", {204: Answer("it is gone")}, path=PATH)
ALL_STATISTICS = Doc("Statistics over all mailings", {200: Answer("messages by status, and mailings", ALL)})
CREATE_MAILING = Doc(
    "Add a mailing", {201: Answer("the mailing", MAILING)}, body=_body(MAILING_FIELDS, NEEDED_OF_MAILING)
)
STATISTICS = Doc("Statistics of a mailing", {200: Answer("messages by status", ONE)}, path=PATH)
PUT_MAILING = replace(
    CREATE_MAILING,
    summary="Change a mailing that has not started wholly",
    answers={200: Answer("the mailing", MAILING)},
    path=PATH,
)
PATCH_MAILING = replace(
    PUT_MAILING, summary="Change some fields of a mailing that has not started", body=_body(MAILING_FIELDS, ())
)
DELETE_MAILING = Doc("Stop a mailing for good, and show it no longer", {204: Answer("it is gone")}, path=PATH)
