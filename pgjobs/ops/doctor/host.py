"""What this machine has to offer: settings that make sense together, and two folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pgjobs import bind
from pgjobs.errors import SettingsError
from pgjobs.folder import obstacle
from pgjobs.ops.doctor.finding import Finding, ok, problem, warning
from pgjobs.settings import Settings
from pgjobs.web import serve

SHORT_LEASE = 10.0
LITTLE_SPACE, NO_SPACE = 2**30, 50 * 2**20


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Settings, log folder, injections folder."""
    for found in _settings(settings):
        yield found
    yield _log_dir(settings.log_dir)
    yield _injections_dir(settings.injections_dir)


def _settings(settings: Settings) -> Iterator[Finding]:
    about = "settings"
    found: list[Finding] = []
    try:
        serve.check_bind(settings)
    except SettingsError as error:
        found.append(problem(about, error.sentence, error.hint))
    else:
        if not bind.loopback(bind.split(settings.http_bind)[0]) and not settings.http_auth:
            found.append(
                warning(
                    about,
                    f"PGJOBS_HTTP_BIND {settings.http_bind} is open to other machines without tokens, as"
                    " PGJOBS_HTTP_INSECURE allows",
                    "make sure that only the CMS reaches this port, or set PGJOBS_HTTP_AUTH=true",
                )
            )
    if settings.lease_seconds < SHORT_LEASE:
        found.append(
            warning(
                about,
                f"PGJOBS_LEASE_SECONDS {settings.lease_seconds:g} is short: a slow disk may cost a daemon its jobs",
                "set it to 30 seconds or so",
            )
        )
    if not settings.autostart:
        found.append(
            warning(
                about,
                "PGJOBS_AUTOSTART is off: jobs run only when somebody starts them",
                "set it to true if not meant so",
            )
        )
    yield from found or [ok(about, "they make sense together")]


def _log_dir(folder: Path) -> Finding:
    about = "log folder"
    if found := obstacle(folder):
        return problem(about, f"{folder} {found}", "make it and let this user write to it, or set PGJOBS_LOG_DIR")
    free = shutil.disk_usage(folder).free
    words = f"{folder} can be written to, {free / 2**30:,.1f} GB are free"
    if free < NO_SPACE:
        return problem(about, f"{words}: the next log may not fit", "make room, a job costs about 100 bytes a record")
    if free < LITTLE_SPACE:
        return warning(about, words, "make room in time, a job costs about 100 bytes a record")
    return ok(about, words)


def _injections_dir(folder: Path) -> Finding:
    about = "injections"
    remedy = "create it, or set PGJOBS_INJECTIONS_DIR; injection jobs end with error until then"
    if not folder.is_dir():
        return warning(about, f"{folder} is not a directory", remedy)
    if not os.access(folder, os.R_OK | os.X_OK):
        return problem(about, f"{folder} can't be read by this user", "give the daemon's user the right to read it")
    if folder.stat().st_mode & 0o002:
        return warning(about, f"anybody on this machine can put files into {folder}", f"run: chmod o-w {folder}")
    found = obstacle(folder)
    uploads = f"uploads by HTTP need more: it {found}" if found else "and takes uploads by HTTP"
    return ok(about, f"{folder} can be read, {uploads}")
