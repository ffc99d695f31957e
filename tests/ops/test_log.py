"""The service's own log: one event is one line, as text or as JSON, and shows no password."""

import asyncio
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgjobs import log

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+: [^\n]*")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give pytest its own logging back."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.unraisablehook, threading.excepthook)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], (sys.unraisablehook, threading.excepthook) = handlers, hooks
    root.setLevel(level)


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    """An event."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("pgjobs.test", logging.WARNING, "x.py", 1, message, args, exc_info)


def raised(words: str) -> Exception:
    """An error with a traceback."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 any words
        fail(words)
    return caught.value


def fail(words: str) -> None:
    """Raise it."""
    raise ValueError(words)


@given(st.text(), st.none() | st.text())
def test_any_event_is_one_line(message: str, words: str | None) -> None:
    """Line breaks, terminal sequences and odd letters of others never begin a line of their own."""
    error = None if words is None else raised(words)
    text = log.TextFormatter().format(record("%s", message, error=error))
    assert text.isprintable()
    assert LINE.fullmatch(text)
    event = json.loads(log.JsonFormatter().format(record("%s", message, error=error)))
    assert {"time", "level", "logger", "message"} == event.keys() - {"exception"}
    assert ("exception" in event) == (error is not None)


def test_an_error_of_several_lines_is_joined() -> None:
    """PostgreSQL tells context and position in lines of their own."""
    text = log.TextFormatter().format(record("refused: %s", "syntax error\nLINE 1: selec\n        ^\n"))
    assert text.endswith(": refused: syntax error LINE 1: selec ^")


def test_a_traceback_stands_behind_its_event() -> None:
    """As text it is one quoted value that can be read back; as JSON an object."""
    error = raised('a "quoted" \\ word')
    text = log.TextFormatter().format(record("it failed", error=error))
    quoted = text.partition(" traceback=")[2]
    assert str(error) in json.loads(quoted)
    exception = json.loads(log.JsonFormatter().format(record("it failed", error=error)))["exception"]
    assert ("ValueError", str(error)) == (exception["type"], exception["message"])
    assert exception["traceback"].startswith("Traceback (most recent call last):\n")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:pw42@h/d",
        "amqp://u:pw42@pw42@h/v",
        "http://u:pw42:pw42/@h/x?a=b",
        "host=h password=pw42 dbname=d",
        "host=h password='hu sh \\' pw42' dbname=d",
        "postgresql://h/d?password=pw42&sslpassword=pw42",
    ],
)
def test_no_password_is_shown(text: str) -> None:
    """Not in a message, not in an error, in neither format."""
    for style in (log.TextFormatter(), log.JsonFormatter()):
        line = style.format(record("cannot reach %s", text, error=raised(text)))
        assert "pw42" not in line
        assert "***" in line


def test_a_wrong_call_of_the_logger_loses_no_event() -> None:
    """The message is shown as it is written."""
    assert "'%d of them'" in log.TextFormatter().format(record("%d of them", "many"))


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_nobody_catches_speaks_in_the_same_format(capfd: pytest.CaptureFixture[str], style: str) -> None:
    """asyncio, uvicorn, warnings, threads: each event of theirs is one line of the chosen format."""
    log.configure("INFO", style)

    async def forgotten() -> None:
        task = asyncio.create_task(leave())
        await asyncio.wait([task])
        del task

    async def leave() -> None:
        raise RuntimeError("nobody awaits it")

    asyncio.run(forgotten())
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    logging.getLogger("uvicorn.error").error("exception\nin application", exc_info=raised("x"))
    logging.getLogger("pika").error("four\nlines\nof the\nsame")
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    assert 3 == len(lines)
    for line, words in zip(lines, ("nobody awaits it", "ZeroDivisionError", "in application"), strict=True):
        assert words in line
        assert style == "json" or LINE.fullmatch(line)
        event: dict[str, Any] = json.loads(line) if style == "json" else {"level": line.split()[1]}
        assert "ERROR" == event["level"]
