"""The plain format: a JSON body that says what it is about, such as the envelope of an operation or a mailing."""

from __future__ import annotations

from collections.abc import Mapping

from pgjobs.broker.formats.keyed import KeyedFormat


class PlainFormat(KeyedFormat):
    """Persistent JSON, and nothing else that its consumer would have to know of."""

    @staticmethod
    def constant(message_type: str | None, headers: Mapping[str, object]) -> dict[str, object]:  # noqa: ARG004 the body says it
        """Content and headers."""
        return {"content_type": "application/json", "headers": headers, "delivery_mode": 2}
