"""The format of events: a JSON body as the selector gives it, under the type of the job."""

from __future__ import annotations

from collections.abc import Mapping

from pgjobs.broker.formats.keyed import KeyedFormat


class EventFormat(KeyedFormat):
    """Persistent JSON that says what it is about and whose it is."""

    @staticmethod
    def constant(message_type: str | None, headers: Mapping[str, object]) -> dict[str, object]:
        """Content, headers, type and application."""
        return {
            "content_type": "application/json",
            "headers": headers,
            "delivery_mode": 2,
            "type": message_type,
            "app_id": "pgjobs",
        }
