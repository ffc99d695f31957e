"""The bodies of answers and beats: JSON that the database takes, and never larger than it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

MOST_BYTES = 256_000
"""The database counts a larger answer and does not read it."""
MOST_STEP_BYTES = 60_000
"""The steps of an answer that are larger are not kept."""
MOST_TEXT = 2_000
"""Characters of an error that is sent as the description of a failed item."""
FAILED = "ERROR_PROCESSING"
"""The result where a handler raised an error."""

Answer = Mapping[str, object]


def encode(answer: Answer) -> bytes:
    """The body of an answer, without fields that are empty; ValueError where it is larger than the database takes."""
    body = json.dumps({name: _clean(value) for name, value in answer.items() if value != ""}).encode()
    if len(body) > MOST_BYTES:
        raise ValueError(f"the answer has {len(body)} bytes, more than {MOST_BYTES}")
    return body


def failed(sentence: str, result: str = FAILED) -> Answer:
    """The answer that closes an item as failed, and says why."""
    return {"result": result, "status": "failed", "description": sentence[:MOST_TEXT]}


def step(name: str, result: str, description: str) -> Answer:
    """A step of the work on an item, with the moment at which it was reported; ValueError where it is too large."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    made = {"name": name, "result": result, "description": description, "timestamp": moment}
    size = len(json.dumps(_clean(made), ensure_ascii=False).encode())
    if size > MOST_STEP_BYTES:
        raise ValueError(f"the step has {size} bytes, more than {MOST_STEP_BYTES}")
    return made


def _clean(value: object) -> object:
    """The same without what PostgreSQL has no place for: the character 0, and halves of surrogate pairs."""
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {key: _clean(one) for key, one in value.items()}
        case list():
            return [_clean(one) for one in value]
        case _:
            return value
