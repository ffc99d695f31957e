"""Every setting of pgjobs, read once from PGJOBS_… environment variables into one frozen object."""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pgjobs.callback_hosts import check_callback_hosts
from pgjobs.errors import SettingsError
from pgjobs.folder import obstacle
from pgjobs.pg.conninfo import ESCAPES
from pgjobs.signatures import check_secrets
from pgjobs.urls import (
    check_bind,
    check_broker,
    check_database,
    check_gateway,
    check_hosts,
    check_http,
    check_origins,
    check_prefix,
)
from pgjobs.values import check_folder, check_level, check_mode, check_name, check_stripped, check_token
from pgjobs.words import shown

Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
Pause = Annotated[float, Field(ge=0.1, le=86400, allow_inf_nan=False)]
"""A shorter one would keep the servers busy with nothing else."""
MOST = 2**60


def _or_empty(check: Callable[[str], str]) -> Callable[[str], str]:
    """The same check, which lets an empty text through."""
    return lambda value: value and check(value)


class Settings(BaseSettings):
    """What an operator can set; the description of each field is its row in engine/README.md."""

    model_config = SettingsConfigDict(env_prefix="PGJOBS_", frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field("", description="PostgreSQL, the primary, not through a transaction pooler")
    replica_url: str = Field(
        "",
        description="where the records are read: a standby of the primary; another database ends the job",
    )
    amqp_url: str = Field("", description="RabbitMQ, with its virtual host")
    log_dir: Path = Field(Path("/var/log/pgjobs"), description="directory of the job logs; it has to exist")
    log_mode: str = Field("0640", description="mode of the job logs, octal, whatever the umask")
    log_group: str = Field("", description="group of the job logs, by name or number; empty: as the system gives it")
    log_host: str = Field(
        default_factory=socket.gethostname,
        description="name of the volume that holds the logs, for daemon, web and verify",
    )
    injections_dir: Path = Field(
        Path("/var/www/xmp.linkit360.ru/web/injections"), description="directory of the injection files"
    )
    injection_max_bytes: int = Field(4 * 2**30, gt=0, le=MOST, description="most bytes of an injection file, unpacked")
    injection_max_lines: int = Field(50_000_000, gt=0, le=MOST, description="most lines of an injection file")
    injection_max_ratio: int = Field(
        100, gt=0, le=MOST, description="a gzip file may unpack to this many times its size, or to 1 MB if that is more"
    )
    injection_settle_seconds: float = Field(
        2.0,
        ge=0,
        le=3600,
        description="an injection file is read this many seconds after it was last written to, renamed or otherwise"
        " changed",
    )
    injection_mode: str = Field(
        "0640", description="mode of the injection files that are uploaded by HTTP, octal, whatever the umask"
    )
    http_bind: str = Field("127.0.0.1:50303", description="address and port of the web process")
    http_auth: bool = Field(False, description="true: every call needs a token (pgjobs token)")
    http_insecure: bool = Field(
        False, description="true: the web process may listen on other addresses than loopback without tokens"
    )
    http_hosts: str = Field(
        "",
        description="further host names that are accepted, as a proxy sends them, separated by commas; *: any name",
    )
    http_connections: int = Field(
        500, ge=1, le=1_000_000, description="HTTP connections open at once; fewer where ulimit -n is low"
    )
    http_patience: Seconds = Field(
        30.0,
        description="seconds /api waits for a daemon, and a synchronous call of a partner for its job (30 at most)",
    )
    metrics_bind: str = Field(
        "127.0.0.1:50304", description="address and port of a daemon's metrics; empty: none; taken: one of the next 15"
    )
    partner_prefix: str = Field("/pig", description="path below which the partner door lies")
    partner_origins: str = Field(
        "",
        description="origins whose pages may call the partner door, separated by commas, as in https://app.example.com",
    )
    partner_max_bytes: int = Field(2**20, ge=1, le=2**24, description="most bytes of a payload of a partner")
    operations_entities: int = Field(
        100, ge=1, le=10_000, description="entities that one request about an operation job may name"
    )
    operations_body: int = Field(307_200, ge=1024, le=2**26, description="bytes of a request about an operation job")
    callback_url: str = Field("", description="called as {url}?id=…&status=… when a job ends; empty: nobody is called")
    callback_hosts: Annotated[str, AfterValidator(check_callback_hosts)] = Field(
        "*",
        description="hosts that jobs may have called: names, *.example.com, addresses, networks; *: any",
    )
    callback_timeout: Seconds = Field(10.0, description="seconds one callback may take")
    callback_spelling: Literal["cancelled", "canceled"] = Field(
        "cancelled", description="how a callback spells the end of a stopped job: cancelled, or canceled"
    )
    callback_attempts: int = Field(20, ge=1, le=10_000, description="attempts of one callback before it is given up")
    callback_secret: Annotated[str, AfterValidator(check_secrets)] = Field(
        "",
        repr=False,
        description="signs what is posted, as whsec_ and base64; several, separated by commas, while it is changed",
    )
    callback_batch: int = Field(
        100, ge=1, le=1000, description="most operations that one callback of a job that notifies tells of"
    )
    gateway_url: str = Field(
        "", description="the HTTP gateway that pgjobs gateway posts messages to, as {url}/v1/send/{id}"
    )
    gateway_token: str = Field("", repr=False, description="the token (JWT) with which the gateway is called")
    gateway_timeout: Seconds = Field(10.0, description="seconds one call of the gateway may take")
    gateway_ids: Literal["text", "number"] = Field(
        "text", description="how the gateway is told the id of a message: as it is (12-5), or as one whole number"
    )
    autostart: bool = Field(True, description="start jobs whose run_at has come without being asked")
    max_running: int = Field(16, ge=1, le=200, description="most shards that one daemon runs at the same time")
    window: int = Field(2000, ge=1, le=65535, description="records published and confirmed together")
    idle_seconds: Pause = Field(30.0, description="seconds after which a connection that nobody uses is closed")
    segment_seconds: Seconds = Field(
        30.0,
        description="seconds a cursor stays open at most; so long a shard keeps its place while others wait",
    )
    lease_seconds: float = Field(
        30.0, ge=1, le=3600, description="seconds after which a silent daemon loses its shards"
    )
    poll_seconds: Pause = Field(
        10.0, description="most seconds between two looks for work, with or without a notification"
    )
    probe_seconds: Pause = Field(30.0, description="seconds between two tests of the LISTEN connection")
    stall_seconds: Pause = Field(
        60.0,
        description="seconds without an answer after which a connection is given up; five times as long for records",
    )
    drain_seconds: Seconds = Field(10.0, description="seconds to wait at SIGTERM for what is in flight")
    gauges_seconds: Seconds = Field(60.0, description="seconds between two refreshes of the business gauges")
    capacity_bytes: float = Field(
        0.0, ge=0, le=MOST, allow_inf_nan=False, description="size the database may have, for alerts"
    )
    daemon_name: str = Field(default_factory=socket.gethostname, description="name of this daemon in metrics")
    fault: str = Field(
        "", description="for tests: point:n kills the daemon, or makes its call fail, the n-th time it gets there"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="text or json: how an event of the service is written"
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    _stripped = field_validator("*", mode="before")(check_stripped)
    _database = field_validator("database_url", "replica_url")(_or_empty(check_database))
    _broker = field_validator("amqp_url")(_or_empty(check_broker))
    _callback = field_validator("callback_url")(_or_empty(check_http))
    _gateway = field_validator("gateway_url")(_or_empty(check_gateway))
    _token = field_validator("gateway_token")(check_token)
    _folder = field_validator("log_dir", "injections_dir", mode="before")(check_folder)
    _mode = field_validator("log_mode", "injection_mode")(check_mode)
    _name = field_validator("daemon_name", "log_host")(check_name)
    _bind = field_validator("http_bind")(check_bind)
    _metrics_bind = field_validator("metrics_bind")(_or_empty(check_bind))
    _hosts = field_validator("http_hosts")(check_hosts)
    _prefix = field_validator("partner_prefix")(check_prefix)
    _origins = field_validator("partner_origins")(check_origins)
    _level = field_validator("log_level")(check_level)

    def need_log_dir(self) -> None:
        """Refuse to go on without a directory that logs can be written to: every job would break off."""
        if found := obstacle(self.log_dir):
            raise SettingsError(
                f"PGJOBS_LOG_DIR {str(self.log_dir)!r}: it {found}", "make it, and let the daemon's user write to it"
            )

        try:
            gid = self.log_gid
        except KeyError:
            raise SettingsError(f"PGJOBS_LOG_GROUP {self.log_group!r}: there is no such group on this host") from None
        if gid != -1 and os.geteuid() != 0 and gid not in {os.getegid(), *os.getgroups()}:
            raise SettingsError(
                f"PGJOBS_LOG_GROUP {self.log_group!r}: the daemon's user is not in it", "make the user a member of it"
            )

    @property
    def log_gid(self) -> int:
        """The number of the logs' group, -1 where none is set; KeyError where there is none of this name."""
        group = self.log_group
        if group.isascii() and group.isdigit():
            if int(group) >= 2**32 - 1:
                raise KeyError(group)
            return int(group)
        return grp.getgrnam(group).gr_gid if group else -1

    def need(self, *names: str) -> None:
        """Refuse to go on without these settings."""
        for name in names:
            if not getattr(self, name):
                raise SettingsError(f"PGJOBS_{name.upper()} is not set", f"set PGJOBS_{name.upper()}: {describe(name)}")


def describe(name: str) -> str:
    """The description of one setting."""
    return Settings.model_fields[name].description or ""


def read_settings(**overrides: object) -> Settings:
    """The settings of this process; one wrong value is one clear sentence."""
    known = {f"PGJOBS_{name.upper()}" for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith("PGJOBS_") and variable not in known and not variable.startswith("PGJOBS_TEST_"):
            raise SettingsError(f"{shown(variable)} is not a setting of pgjobs")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the overrides
    except ValidationError as error:
        first = error.errors()[0]
    # Raised outside of the handler: the cause would show the value, which may hold a password.
    name = str(first["loc"][0])
    given = "" if any(word in name for word in ("url", "token", "secret")) else f" {shown(repr(first['input']))}"
    sentence = f"PGJOBS_{name.upper()}{given}: {first['msg'].removeprefix('Value error, ')}"
    escapes = f"; {ESCAPES}" if "url" in name and ESCAPES not in sentence else ""
    raise SettingsError(sentence, f"PGJOBS_{name.upper()} is {describe(name)}{escapes}")
