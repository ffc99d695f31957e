"""Whatever text stands in a variable of the environment, a daemon starts with it or says in a sentence why not."""

import contextlib
import io
import os
import sys
import tempfile
from datetime import timedelta
from math import ceil
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgjobs import cli, log
from pgjobs.engine import daemon as engine
from pgjobs.engine.daemon import Daemon
from pgjobs.settings import Settings

VARIABLES = sorted(f"PGJOBS_{name.upper()}" for name in Settings.model_fields)
LETTERS = st.characters(exclude_characters="\0", codec="utf-8")
BYTES = st.sampled_from([chr(number) for number in range(0xDC80, 0xDD00)])
"""Bytes that are no UTF-8, as Python has them."""
TEXTS = st.text(LETTERS | BYTES, max_size=40)
PIECES = TEXTS | st.sampled_from(
    ["", "h", "u", "p", "%zz", "%00", "%2F", "a@b", "::1", "[::1]", "1", "99999", "é" * 80]
)
ADDRESSES = st.builds(
    "{}://{}:{}@{}:{}/{}?{}={}".format,
    st.sampled_from(["postgresql", "postgres", "amqp", "amqps", "http", "https"]),
    PIECES,
    PIECES,
    PIECES,
    PIECES,
    PIECES,
    PIECES | st.sampled_from(["heartbeat", "ssl_options", "tcp_options", "sslmode", "connect_timeout", "service"]),
    PIECES,
)
NUMBERS = (
    st.floats().map(str) | st.integers().map(str) | st.sampled_from(["9" * 5000, "1e999", "-0", "٣", "0x10", "1_0"])
)
LONG = st.sampled_from(
    ["x" * 100_000, "/" + "x" * 5000, "/x" * 3000, "h" * 300 + ":80", "amqp://" + "h" * 70 + "." * 3]
)


def start(variable: str, value: str) -> tuple[object, str]:
    """`pgjobs daemon` with one more variable, up to where it would connect: exit code and what it says."""
    said = io.StringIO()
    chosen = {
        "PGJOBS_DATABASE_URL": "postgresql://u:p@h/d",
        "PGJOBS_AMQP_URL": "amqp://u:p@h/v",
        "PGJOBS_LOG_DIR": tempfile.gettempdir(),
        "PATH": os.environ["PATH"],
        variable: value,
    }
    with (
        patch.dict(os.environ, chosen, clear=True),
        patch.object(sys, "argv", ["pgjobs", "daemon"]),
        patch.object(engine, "run", connect_nowhere),
        patch.object(log, "configure"),
        contextlib.redirect_stderr(said),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    return ended.value.code, said.getvalue()


async def connect_nowhere(chosen: Settings) -> None:
    """What a daemon makes of its settings before it connects."""
    Daemon(chosen)
    for name in (
        "poll_seconds",
        "probe_seconds",
        "stall_seconds",
        "lease_seconds",
        "callback_timeout",
        "http_patience",
    ):
        timedelta(seconds=5 * getattr(chosen, name) + 10)
    assert ceil(chosen.drain_seconds) >= 1


@given(st.sampled_from(VARIABLES), TEXTS | ADDRESSES | NUMBERS | LONG)
@example("PGJOBS_DATABASE_URL", "postgresql://u:p%zz@h/d")
@example("PGJOBS_AMQP_URL", "amqp://h/?heart%62eat=5")
@example("PGJOBS_CALLBACK_URL", "http://[::1")
@example("PGJOBS_LOG_DIR", "/" + "x" * 5000)
@example("PGJOBS_FAULT", "sql:" + "9" * 5000)
@settings(max_examples=300, deadline=None)
def test_any_text_in_any_variable_is_a_value_or_a_sentence(variable: str, value: str) -> None:
    """Never a traceback, never several lines, never a code that a supervisor could take for something else."""
    code, said = start(variable, value)
    if code in (None, 0):
        assert said == ""
        return
    assert 2 == code
    sentence, hint = said.removesuffix("\n").split("\n")
    assert sentence.startswith(f"pgjobs: {variable}")
    assert sentence.isprintable()
    assert hint.startswith("  ")
    assert len(sentence) < 400


@given(TEXTS.filter(lambda text: "=" not in text))
@settings(max_examples=50, deadline=None)
def test_any_name_of_a_variable_is_known_or_refused(name: str) -> None:
    """Whatever stands behind PGJOBS_ is a setting, or a sentence of one line."""
    code, said = start(f"PGJOBS_X{name}", "1")
    assert 2 == code
    assert "is not a setting of pgjobs" in said
    assert 2 == said.count("\n")
