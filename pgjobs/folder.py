"""Whether logs can be made in a folder: it is tried, since rights alone do not tell, least of all those of root."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def obstacle(folder: Path) -> str:
    """What keeps a file from being made and written in a folder; empty where nothing does. Nothing is left behind."""
    if not os.path.isdir(folder):  # noqa: PTH112 Path.is_dir may raise
        return "is not a directory"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".pgjobs-") as file:
            file.write(b"\n")
            file.flush()
            os.fdatasync(file.fileno())
    except OSError as error:
        return f"can't be written to by this user ({error.strerror})"
    return ""
