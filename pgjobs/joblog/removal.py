"""Removes log files of this host whose keep time is over: the database says which, and is told when they are gone."""

from __future__ import annotations

import asyncio
import logging
import stat
from pathlib import Path

from pgjobs.pg import connection as db

logger = logging.getLogger(__name__)


async def remove_logs(control: db.Connection, host: str) -> None:
    """Remove what the database asks this host to remove; a file that can't be removed is tried again next time."""
    call = "select job_id, shard, segment, path from pgjobs.removable_logs(%s)"
    for job_id, shard, segment, path in await (await control.execute(call, (host,))).fetchall():
        try:
            await asyncio.to_thread(_remove, Path(path))
        except OSError as error:
            reason = error.strerror or "it is no plain file"
            logger.warning(
                "log %s of job %s could not be removed, and is tried again every minute: %s", path, job_id, reason
            )
            continue
        await control.execute("select pgjobs.log_removed(%s, %s, %s)", (job_id, shard, segment))
        logger.info("log %s of job %s is removed, its keep time is over", path, job_id)


def _remove(path: Path) -> None:
    """Remove a file; one that is gone is gone, but a folder that is missing may only be unmounted."""
    if not path.parent.is_dir():
        raise FileNotFoundError(2, f"there is no folder {path.parent}")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError
        path.unlink()
    except FileNotFoundError:
        return
