"""Every setting of pgjobs, read once from PGJOBS_… environment variables into one frozen object."""

from __future__ import annotations

import grp
import os
import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pgjobs.errors import SettingsError
from pgjobs.folder import obstacle
from pgjobs.pg.conninfo import ESCAPES
from pgjobs.signatures import check_secrets
from pgjobs.urls import check_broker, check_database, check_host, check_http, check_text
from pgjobs.words import shown

Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]
Pause = Annotated[float, Field(ge=0.1, le=86400, allow_inf_nan=False)]
"""A shorter one would keep the servers busy with nothing else."""
LONGEST_PATH, LONGEST_NAME = 3000, 200
MOST = 2**60


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

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """Blanks around a value never mean anything, and what no text can hold is refused."""
        return check_text(value.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "replica_url")
    @classmethod
    def _database(cls, value: str) -> str:
        return value and check_database(value)

    @field_validator("amqp_url")
    @classmethod
    def _broker(cls, value: str) -> str:
        return value and check_broker(value)

    @field_validator("callback_url", "gateway_url")
    @classmethod
    def _callback(cls, value: str, info: ValidationInfo) -> str:
        return value and check_http(value, goes_on=info.field_name == "gateway_url")

    @field_validator("gateway_token")
    @classmethod
    def _token(cls, value: str) -> str:
        if not value.isascii() or " " in value:
            raise ValueError("it has to be a token in ASCII without blanks, and without the word Bearer")
        return value

    @field_validator("log_dir", "injections_dir", mode="before")
    @classmethod
    def _folder(cls, value: object) -> Path:
        text = check_text(str(value).strip())
        if not text:
            raise ValueError("it has to name a directory")
        path = Path(text).absolute()
        if len(os.fsencode(path)) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
            raise ValueError("it is too long for a path")
        return path

    @field_validator("log_mode", "injection_mode")
    @classmethod
    def _mode(cls, value: str) -> str:
        if not re.fullmatch(r"0?[0-7]{3}", value) or int(value, 8) & 0o600 != 0o600 or int(value, 8) & ~0o666:
            raise ValueError("it has to be octal as in 0640: the owner reads and writes, nobody executes")
        return value

    @field_validator("daemon_name", "log_host")
    @classmethod
    def _name(cls, value: str) -> str:
        if not value or not value.isprintable() or len(value) > LONGEST_NAME:
            raise ValueError(f"it has to be a name in printable letters, {LONGEST_NAME} at most")
        return value

    @field_validator("http_bind", "metrics_bind")
    @classmethod
    def _bind(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.field_name == "metrics_bind":
            return value
        host, _, port = value.rpartition(":")
        if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
            raise ValueError("it has to be address:port, as in 127.0.0.1:50303")
        check_host(host.removeprefix("[").removesuffix("]").partition("%")[0])
        return value

    @field_validator("http_hosts")
    @classmethod
    def _hosts(cls, value: str) -> str:
        for name in filter(None, map(str.strip, value.split(","))):
            if name != "*" and not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+", name):
                raise ValueError("it has to be names without port and scheme, as in jobs.example.com,web")
        return value

    @field_validator("partner_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", value):
            raise ValueError("it has to be a path such as /pig, of letters, digits, dots, - and _")
        return value

    @field_validator("partner_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        origins = [origin.strip().lower() for origin in value.split(",") if origin.strip()]
        for origin in origins:
            if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
                raise ValueError(
                    "it has to be scheme and host of pages, as in https://app.example.com,http://localhost:8080"
                )
        return ",".join(origins)

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("it has to be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

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
