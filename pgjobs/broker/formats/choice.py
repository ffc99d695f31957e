"""Which format a job's messages have: chosen by the name that the type of the job gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pgjobs.broker.formats.base import Check, Format, Unusable
from pgjobs.broker.formats.celery import CeleryFormat
from pgjobs.broker.formats.event import EventFormat
from pgjobs.broker.formats.plain import PlainFormat
from pgjobs.errors import ConfigurationError

FORMATS: dict[str, type[EventFormat | PlainFormat | CeleryFormat]] = {
    "event": EventFormat,
    "plain": PlainFormat,
    "celery": CeleryFormat,
}


def format_for(
    name: str = "event",
    *,
    channel: int,
    frame_max: int,
    exchange: str,
    routing_key: str,
    message_type: str | None,
    headers: Mapping[str, object],
    options: Mapping[str, object] | None = None,
    attempt: int | None = None,
    reply_to: str | None = None,
) -> Format:
    """The format of this name, compiled for a channel; ConfigurationError for a name or options that there are not.

    `attempt` counts from 1 where a type is tracked, and `reply_to` is the queue of its answers.
    """
    with _options_refused():
        return _named(name)(
            channel=channel,
            frame_max=frame_max,
            exchange=exchange,
            routing_key=routing_key,
            message_type=message_type,
            headers=headers,
            options=options,
            attempt=attempt,
            reply_to=reply_to,
        )


def check_for(name: str = "event", options: Mapping[str, object] | None = None) -> Check:
    """What finds the records that this format can't send; the same errors as with `format_for`."""
    with _options_refused():
        return _named(name).check(options or {})


@contextmanager
def _options_refused() -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        raise ConfigurationError(f"format_options: {error}") from None


def _named(name: str) -> type[EventFormat | PlainFormat | CeleryFormat]:
    try:
        return FORMATS[name]
    except KeyError:
        raise ConfigurationError(f"there is no message format {name!r}, only {', '.join(FORMATS)}") from None
