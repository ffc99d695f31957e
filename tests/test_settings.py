"""Settings: read once, checked at once; a wrong one is one sentence that names it and keeps secrets."""

import os
from pathlib import Path

import pydantic
import pytest

from pgjobs.errors import SettingsError
from pgjobs.settings import Settings, describe, read_settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PGJOBS_"):
            monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> SettingsError:
    """What is said about a wrong value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    return caught.value


def test_without_any_variable_the_defaults_of_the_contract_hold() -> None:
    """The port and the folder the CMS knows, and the door closed to other machines."""
    settings = read_settings()
    assert "127.0.0.1:50303" == settings.http_bind
    assert Path("/var/www/xmp.linkit360.ru/web/injections") == settings.injections_dir
    assert settings.autostart is True
    assert settings.http_auth is False
    assert "" == settings.database_url == settings.amqp_url == settings.callback_url


def test_variables_are_read_in_their_own_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, numbers and switches come as such."""
    for name, value in {
        "LOG_DIR": "/tmp/logs",  # noqa: S108 - never created
        "WINDOW": "17",
        "AUTOSTART": "off",
        "LEASE_SECONDS": "2.5",
        "LOG_LEVEL": "debug",
        "DATABASE_URL": "postgres://a/b",
    }.items():
        monkeypatch.setenv(f"PGJOBS_{name}", value)
    settings = read_settings()
    assert (Path("/tmp/logs"), 17, False, 2.5) == (  # noqa: S108 - never created
        settings.log_dir,
        settings.window,
        settings.autostart,
        settings.lease_seconds,
    )
    assert ("DEBUG", "postgres://a/b") == (settings.log_level, settings.database_url)


def test_settings_do_not_change() -> None:
    """The object is frozen: what a process was started with is what it works with."""
    with pytest.raises(pydantic.ValidationError):
        read_settings().window = 3


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PGJOBS_WINDOW", "0", "greater than or equal to 1"),
        ("PGJOBS_WINDOW", "many", "valid integer"),
        ("PGJOBS_WINDOW", "65536", "less than or equal to 65535"),
        ("PGJOBS_MAX_RUNNING", "201", "less than or equal to 200"),
        ("PGJOBS_LEASE_SECONDS", "0", "greater than or equal to 1"),
        ("PGJOBS_LEASE_SECONDS", "inf", "less than or equal to 3600"),
        ("PGJOBS_CAPACITY_BYTES", "-1", "greater than or equal to 0"),
        ("PGJOBS_AUTOSTART", "perhaps", "valid boolean"),
        ("PGJOBS_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
        ("PGJOBS_HTTP_BIND", "50303", "address:port"),
        ("PGJOBS_HTTP_BIND", "127.0.0.1:", "address:port"),
        ("PGJOBS_HTTP_BIND", "127.0.0.1:70000", "address:port"),
        ("PGJOBS_DATABASE_URL", "mysql://u:hush@h/d", "begin with postgresql://"),
        ("PGJOBS_REPLICA_URL", "host=h password=hush", "begin with postgresql://"),
        ("PGJOBS_AMQP_URL", "http://u:hush@h/", "begin with amqp:// or amqps://"),
        ("PGJOBS_CALLBACK_URL", "ftp://u:hush@h/", "http:// or https://"),
        ("PGJOBS_CALLBACK_URL", "http:///hush", "http:// or https://"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_the_name_and_the_meaning(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """The sentence names the variable and what is wrong, the hint says what it is for; no password in either."""
    error = refusal(monkeypatch, variable, value)
    assert error.sentence.startswith(variable)
    assert words in error.sentence
    assert "\n" not in error.sentence
    assert describe(variable.removeprefix("PGJOBS_").lower()) in error.hint
    assert "hush" not in error.sentence + error.hint


def test_a_variable_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting would otherwise quietly be the default."""
    error = refusal(monkeypatch, "PGJOBS_WINDOWS", "3")
    assert "PGJOBS_WINDOWS is not a setting of pgjobs" == error.sentence


def test_what_is_needed_and_missing_is_named() -> None:
    """The sentence names the variable, the hint says what to put into it."""
    with pytest.raises(SettingsError) as caught:
        read_settings().need("database_url")
    assert "PGJOBS_DATABASE_URL is not set" == caught.value.sentence
    assert describe("database_url") in caught.value.hint


def test_every_setting_says_what_it_is() -> None:
    """The description is what an operator gets to read."""
    assert [] == [name for name in Settings.model_fields if len(describe(name)) < 10]


@pytest.mark.parametrize("variable", ["PGJOBS_DATABASE_URL", "PGJOBS_AMQP_URL", "PGJOBS_CALLBACK_URL"])
def test_a_password_that_breaks_the_address_is_explained_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A # or / in a password is met with the remedy, and with nothing of the password."""
    scheme = {"PGJOBS_DATABASE_URL": "postgresql", "PGJOBS_AMQP_URL": "amqp", "PGJOBS_CALLBACK_URL": "http"}[variable]
    said = refusal(monkeypatch, variable, f"{scheme}://u:secret#word@h/x")
    assert "%23" in said.sentence
    assert "secret" not in said.sentence + said.hint
