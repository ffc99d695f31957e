"""What the OpenAPI document says of the columns of a job that may be written; the rules themselves are those of SQL."""

from __future__ import annotations

from collections.abc import Mapping

from pgjobs.web.doc import ANY_OBJECT, FLAG, MOMENT, TEXT, Schema, choice, maybe

SMALL = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
SHORT = {"type": "string", "maxLength": 200}
WRITTEN_FROM: Mapping[str, tuple[str, ...]] = {
    "ready": ("in progress", "canceled", "error"),
    "canceled": ("ready", "in progress"),
    "cancelled": ("ready", "in progress"),
    "in progress": ("ready",),
    "error": ("ready", "in progress"),
    "done": (),
}
"""The statuses that a change may write, and of a job in which other status; any of them may be written again."""
FIELDS: dict[str, tuple[Schema, str]] = {
    "type": ({"type": "string", "format": "job-type"}, "what kind of job it is: a type of xmp_job_types"),
    "status": (
        choice(*WRITTEN_FROM),
        "any other change than these is answered with 409: "
        + "; ".join(f"{to}: of a job that is {' or '.join((*others, to))}" for to, others in WRITTEN_FROM.items()),
    ),
    "params": (ANY_OBJECT, "the parameters of its type; frozen once it has started"),
    "file_name": ({"type": "string", "maxLength": 127}, "the file that it reads, if its type reads one"),
    "id_user": (SMALL, "who ordered it, as the CMS counts its users"),
    "run_at": (MOMENT, "when it is to run"),
    "active": (FLAG, "false holds it back, or pauses it"),
    "priority": ({"type": "integer", "minimum": 0, "maximum": 10}, "a higher one starts first; usually 5"),
    "rate": ({"type": "number", "minimum": 0.0001, "maximum": 10**9}, "records per second; null: no limit"),
    "max_backlog": (
        {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "it waits while so many messages lie ready in its queue; null: as its type says",
    ),
    "stop_at": (MOMENT, "from then on nothing is published; null: no end"),
    "schedule": (ANY_OBJECT, "when records may go out"),
    "budget": (ANY_OBJECT, "what holds it back: errors, or its first records"),
    "rules": (ANY_OBJECT, "how its items end and are tried again, where that is not as its type says"),
    "shards": (
        {"type": "integer", "minimum": 1, "maximum": 64},
        "so many ranges of it run side by side; null: as its type says",
    ),
    "name": (SHORT, "what you call it"),
    "callback_url": (TEXT, "the address that is called when it ends"),
    "media_type": (SHORT, "what kind of thing it is about; needs reference_id"),
    "reference_id": (SHORT, "which thing it is about"),
    "custom_type": (SHORT, "a type of your own choice"),
    "notes": (TEXT, "whatever people want to note"),
    "configuration": (
        ANY_OBJECT,
        "how the work is to be done; frozen once it has started",
    ),
    "idempotency_key": (SHORT, "a second job with the same key is refused, for ever"),
}
NEVER_NULL = ("type", "status", "run_at", "active", "priority", "configuration")
"""What a change can't take away."""
COLUMNS: dict[str, Schema] = {
    name: {**(schema if name == "type" else maybe(schema)), "description": text}
    for name, (schema, text) in FIELDS.items()
}
"""The columns as they are answered; what values they may have together is for SQL to say."""
CREATED = COLUMNS | {
    "status": {
        **maybe(choice("ready", "canceled", "cancelled")),
        "description": "ready, or canceled to hold it until it is resumed",
    }
}
"""As a new job may have them: null counts as not given."""
WRITTEN = COLUMNS | {name: {**FIELDS[name][0], "description": FIELDS[name][1]} for name in NEVER_NULL}
"""As a change may write them."""
