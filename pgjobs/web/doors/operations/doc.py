"""What the OpenAPI document says of the door of operation jobs as a whole."""

from __future__ import annotations

from pgjobs.web.doc import TEXT, DoorDoc, listing, record

DOOR = DoorDoc(
    "Operations",
    "Jobs of operations on devices, as at the north API of OpenGate. An error has a code of that API, a message, and"
    " the field that is wrong as its context.",
    record(
        {
            "errors": listing(
                record(
                    {"code": TEXT, "message": TEXT, "context": listing(record({"name": TEXT})), "hint": TEXT}, "context"
                )
            )
        }
    ),
    {
        "apikey": {"type": "apiKey", "in": "header", "name": "X-ApiKey"},
        "bearer": {"type": "http", "scheme": "bearer"},
    },
)
