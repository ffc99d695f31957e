"""Settings: read once, checked at once; a wrong one is one sentence that names it and keeps secrets."""

import grp
import os
import traceback
from pathlib import Path

import pydantic
import pytest

from pgjobs.broker.url import check_broker_url
from pgjobs.errors import SettingsError
from pgjobs.lab.process import ServicesError
from pgjobs.lab.services import running_services
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
        ("PGJOBS_DATABASE_URL", "mysql://u:pw42@h/d", "begin with postgresql://"),
        ("PGJOBS_REPLICA_URL", "host=h pasword=pw42", "invalid connection option"),
        ("PGJOBS_AMQP_URL", "http://u:pw42@h/", "begin with amqp:// or amqps://"),
        ("PGJOBS_CALLBACK_URL", "ftp://u:pw42@h/", "http:// or https://"),
        ("PGJOBS_CALLBACK_URL", "http:///pw42", "http:// or https://"),
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
    assert "pw42" not in error.sentence + error.hint


@pytest.mark.parametrize("url", ["host=h dbname=d password=hu://sh", "postgres://h/d", " dbname=d "])
def test_an_address_of_a_database_may_be_key_value_pairs(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Whatever libpq reads is an address of a database."""
    monkeypatch.setenv("PGJOBS_DATABASE_URL", url)
    monkeypatch.setenv("PGJOBS_REPLICA_URL", url)
    settings = read_settings()
    assert [url.strip()] * 2 == [settings.database_url, settings.replica_url]


def test_servers_of_the_laboratory_need_an_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes databases beside the one that is named, by its URL."""
    monkeypatch.setenv("PGJOBS_DATABASE_URL", "host=h dbname=d password=pw42")
    with pytest.raises(ServicesError, match="it has to begin with postgresql://") as caught, running_services():
        pass
    assert "pw42" not in str(caught.value)


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
    """A / in a password is met with the remedy, and with nothing of the password."""
    scheme = {"PGJOBS_DATABASE_URL": "postgresql", "PGJOBS_AMQP_URL": "amqp", "PGJOBS_CALLBACK_URL": "http"}[variable]
    said = refusal(monkeypatch, variable, f"{scheme}://u:secret/word@h/x")
    assert "/ as %2F" in said.sentence + said.hint
    assert "secret" not in said.sentence + said.hint


@pytest.mark.parametrize(
    "variable", ["PGJOBS_DATABASE_URL", "PGJOBS_REPLICA_URL", "PGJOBS_AMQP_URL", "PGJOBS_CALLBACK_URL"]
)
@pytest.mark.parametrize("around", ["{}\n", " {}\t", "\r\n{}\r\n"])
def test_blanks_and_line_ends_around_an_address_do_not_count(
    monkeypatch: pytest.MonkeyPatch, variable: str, around: str
) -> None:
    """A file or a form often leaves a line end behind an address."""
    address = {"AMQP": "amqp://u:p@h/v", "CALL": "http://u:p@h/x"}.get(variable[7:11], "postgresql://u:p@h/d")
    monkeypatch.setenv(variable, around.format(address))
    assert address == getattr(read_settings(), variable.removeprefix("PGJOBS_").lower())


@pytest.mark.parametrize("inside", ["\n", "\r", "\t", "\x01", "\x7f", "\x85", "\udcff"])
@pytest.mark.parametrize("variable", [f"PGJOBS_{name.upper()}" for name in Settings.model_fields])
def test_a_control_character_inside_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, inside: str) -> None:
    """No setting has any use for one, and in a log or a request it would begin a new line."""
    error = refusal(monkeypatch, variable, f"postgresql://h/a{inside}b")
    assert error.sentence.isprintable()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:p@h1:5432,h2:5432/db?target_session_attrs=read-write",
        "postgresql:///db?host=/tmp",
        "postgresql://u@[::1]:5432/db?sslmode=require&application_name=x",
        "postgres://u:%40%2F%25@h/d",
    ],
)
def test_an_address_is_what_libpq_reads(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Several hosts, sockets and parameters are libpq's business."""
    monkeypatch.setenv("PGJOBS_DATABASE_URL", address)
    assert address == read_settings().database_url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PGJOBS_DATABASE_URL", "postgresql://u:pw42%zz@h/d"),
        ("PGJOBS_DATABASE_URL", "postgresql://u:pw42@pw42@h/d"),
        ("PGJOBS_DATABASE_URL", "postgresql://u:pw42[@h/d?x"),
        ("PGJOBS_DATABASE_URL", "postgresql://u:pw42/pw42@h/d"),
        ("PGJOBS_DATABASE_URL", "postgresql://u:x@h/d?sslmode=pw42"),
        ("PGJOBS_DATABASE_URL", "postgresql://u:x@h/d?pw42=1"),
        ("PGJOBS_AMQP_URL", "amqp://u:pw42/pw42@h/d"),
        ("PGJOBS_AMQP_URL", "amqp://u:hu[sh@h/d"),
        ("PGJOBS_CALLBACK_URL", "http://u:pw42:h/pw42@h"),
        ("PGJOBS_CALLBACK_URL", "http://u:pw42@h:pw42/"),
        ("PGJOBS_CALLBACK_URL", "http://u:pw42@" + "h" * 300 + "/"),
    ],
)
def test_no_refusal_shows_a_password(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """Not in the sentence, not in the hint, and not in the traceback."""
    error = refusal(monkeypatch, variable, value)
    shown = "".join(traceback.format_exception(error))
    assert "pw42" not in error.sentence + error.hint
    assert "pw42" not in shown.replace("".join(traceback.format_stack()), "")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("heartbeat=abc", "its heartbeat has a value that pika can't use"),
        ("heartbeat=-1", "its heartbeat has a value that pika can't use"),
        ("heartbeat=1&heartbeat=2", "its heartbeat has a value that pika can't use"),
        ("channel_max=1", "its channel_max has to be 2 or more"),
        ("channel_max=0", "its channel_max has a value that pika can't use"),
        ("frame_max=1", "its frame_max has a value that pika can't use"),
        ("ssl_options=(", "its ssl_options has a value that pika can't use"),
        ("client_properties=" + "[" * 3000, "its client_properties has a value that pika can't use"),
        ("verify=verify_none", "it has a parameter 'verify' that pika does not know"),
        ("heartbeat=5&a%0Ab=1", "it has a parameter that pika does not know"),
    ],
)
def test_a_parameter_of_the_broker_that_pika_cannot_use_is_named(parameters: str, words: str) -> None:
    """A daemon that starts with it would print tracebacks for ever."""
    with pytest.raises(SettingsError) as caught:
        check_broker_url(f"amqp://u:pw42@h/v?{parameters}")
    assert f"PGJOBS_AMQP_URL: {words}" == caught.value.sentence


@pytest.mark.parametrize(
    "url",
    ["amqp://h", "amqps://u:p@h:5671/%2F", "amqp://u:p@h/v?heartbeat=30&connection_attempts=3&channel_max=2047"],
)
def test_an_address_that_pika_reads_is_taken(url: str) -> None:
    """As it is, with its parameters."""
    check_broker_url(url)


@pytest.mark.parametrize("url", ["amqp://u@h/v", "amqp://h/" + "v" * 300])
def test_an_address_that_pika_would_choke_on_is_refused(url: str) -> None:
    """pika takes it at first, and fails when it connects."""
    with pytest.raises(SettingsError):
        check_broker_url(url)


@pytest.mark.parametrize("mode", ["", "640x", "0o640", "0440", "0740", "4640", "٠٦٤٠", "-640", "999"])
def test_a_mode_no_log_can_have_is_refused(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """A mode is octal, lets the owner read and write, and nobody execute."""
    assert "octal as in 0640" in refusal(monkeypatch, "PGJOBS_LOG_MODE", mode).sentence


@pytest.mark.parametrize("group", ["no such group", "4294967295", "99999999999999999999"])
def test_a_group_that_is_not_there_is_refused(tmp_path: Path, group: str) -> None:
    """The daemon does not begin with a group that its host does not know."""
    with pytest.raises(SettingsError, match=f"PGJOBS_LOG_GROUP '{group}': there is no such group on this host"):
        read_settings(log_dir=tmp_path, log_group=group).need_log_dir()


@pytest.mark.parametrize(
    ("folder", "words"),
    [("/nowhere/at/all", "it is not a directory"), ("/proc", "it can't be written to by this user")],
)
def test_a_folder_that_takes_no_log_is_refused(folder: str, words: str) -> None:
    """The daemon does not begin where every job would break off; as root it tries as well."""
    with pytest.raises(SettingsError, match=words):
        read_settings(log_dir=folder).need_log_dir()


def test_a_group_may_be_a_name_or_a_number(tmp_path: Path) -> None:
    """Both name the same group, and none leaves it to the system."""
    own = grp.getgrgid(os.getegid())
    for group, gid in ((own.gr_name, own.gr_gid), (str(own.gr_gid), own.gr_gid), ("", -1)):
        settings = read_settings(log_dir=tmp_path, log_group=group)
        settings.need_log_dir()
        assert gid == settings.log_gid


def test_a_group_of_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain user can give a file to a group only as a member of it: said at the start, not at the first job."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(SettingsError, match="PGJOBS_LOG_GROUP '4712': the daemon's user is not in it"):
        read_settings(log_dir=tmp_path, log_group="4712").need_log_dir()
