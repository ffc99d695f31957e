"""The address of RabbitMQ, read by pika alone: what pika can't use is refused at start, and no secret is shown."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pika

from pgjobs.errors import SettingsError
from pgjobs.pg.conninfo import ESCAPES

CHANNELS = 2
"""One for messages, and one more while it is asked whether a queue is there."""
LONGEST_VHOST = 255
LONGEST_NAME = 40
HINT = "see pika.URLParameters for the parameters of an address; percent-encode the virtual host: / is %2F"


def check_broker_url(url: str) -> None:
    """Raise SettingsError, with a sentence that holds no secret, where pika could not use this address."""
    problem = find_problem(url)
    if problem:
        raise SettingsError(f"PGJOBS_AMQP_URL: {problem}", HINT)


def find_problem(url: str) -> str:
    """What keeps pika from using an address; empty where nothing does."""
    parts = urlsplit(url)
    if parts.username is not None and parts.password is None:
        return "it names a user and no password"
    for name, values in parse_qs(parts.query, keep_blank_values=True).items():
        if not hasattr(pika.URLParameters, f"_set_url_{name}"):
            shown = f" {name!r}" if name.isidentifier() and name.isascii() and len(name) < LONGEST_NAME else ""
            return f"it has a parameter{shown} that pika does not know"
        if len(values) != 1 or not _read(f"{parts.scheme}://localhost/?{urlencode({name: values[0]})}"):
            return f"its {name} has a value that pika can't use"
    return _unfit(_read(url))


def _unfit(parameters: pika.URLParameters | None) -> str:
    if parameters is None:
        return f"pika can't read it; {ESCAPES}"
    if parameters.channel_max < CHANNELS:
        return f"its channel_max has to be {CHANNELS} or more"
    if len(parameters.virtual_host.encode()) > LONGEST_VHOST:
        return f"its virtual host is longer than {LONGEST_VHOST} bytes"
    return ""


def _read(url: str) -> pika.URLParameters | None:
    try:
        return pika.URLParameters(url)
    except Exception:  # noqa: BLE001 pika evaluates parts of it: whatever it raises, the address is wrong
        return None
