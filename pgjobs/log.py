"""The service's own log on standard error: one event is one line, as text or as JSON, and shows no password.

As text, line breaks inside a message become a space, other control characters are escaped, and a traceback follows as
`traceback="…"` with its line breaks written as \\n. As JSON, an exception is an object: type, message, traceback.
Levels: ERROR something has to be mended, or an end nobody expected; WARNING a wait, a retry, a refused attempt; INFO
what a job or a process begins and ends; DEBUG the rest.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

from pgjobs.words import visible

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

MUTED = ("pika", "httpx", "httpcore", "yoyo")
"""They tell again, in several lines, what the exceptions say that we log ourselves."""
CHATTY = ("asyncio", "psycopg")
"""They speak in our format, from WARNING on."""
USERINFO = re.compile(r"(?<=://)([^\s:/@?#]*):[^\s]*@")
PASSWORD = re.compile(r"((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"]+)", re.IGNORECASE)
BREAKS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")


class TextFormatter(logging.Formatter):
    """`2026-01-31T10:39:20Z WARNING pgjobs.engine.daemon: message`, and the traceback quoted behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = (
            f"{_moment(record)} {record.levelname} {record.name}: {visible(BREAKS.sub(' ', _message(record)).strip())}"
        )
        trace = _trace(record)
        return f"{line} traceback={_quoted(trace)}" if trace else line


class JsonFormatter(logging.Formatter):
    """An object with time, level, logger and message, and an `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        event: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": BREAKS.sub(" ", _message(record)).strip(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            words = redact(" ".join(str(error).split()))
            event["exception"] = {"type": type(error).__name__, "message": words, "traceback": _trace(record)}
        return json.dumps(event)


def configure(level: str, style: str = "text") -> None:
    """Set up logging of this process, warnings and what no code catches included; times are UTC."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in MUTED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    logging.captureWarnings(capture=True)
    sys.unraisablehook = _on_unraisable
    threading.excepthook = _on_thread_end


def in_json() -> bool:
    """Whether this process logs in JSON."""
    return any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers)


def redact(text: str) -> str:
    """The same text without the passwords of addresses and connection strings in it."""
    return PASSWORD.sub(r"\1***", USERINFO.sub(r"\1:***@", text))


def _moment(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def _message(record: logging.LogRecord) -> str:
    try:
        return redact(record.getMessage())
    except Exception as error:  # noqa: BLE001 a wrong call of the logger must not lose the event
        return f"{redact(repr(record.msg))} ({type(error).__name__} while its arguments were put in)"


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return redact("".join(traceback.format_exception(record.exc_info[1])).strip())


def _quoted(text: str) -> str:
    """The text as one quoted value, which a reader of logfmt gets back as it was."""
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _on_unraisable(caught: UnraisableHookArgs) -> None:
    logging.getLogger(__name__).error("ignored: %s", caught.err_msg or "an exception", exc_info=caught.exc_value)


def _on_thread_end(caught: threading.ExceptHookArgs) -> None:
    logging.getLogger(__name__).error("a thread has ended", exc_info=caught.exc_value)
