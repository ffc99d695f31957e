"""The stylesheet and the scripts of the page: read once, and named by their content, so that browsers may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

STATIC = Path(__file__).with_name("static")
KINDS = {"page.css": "text/css", "patch.js": "text/javascript", "live.js": "text/javascript"}


class File(NamedTuple):
    """A file, its digest, and what kind it is."""

    content: bytes
    digest: str
    kind: str


@cache
def file(name: str) -> File:
    """One of the files of KINDS."""
    content = (STATIC / name).read_bytes()
    return File(content, hashlib.sha256(content).hexdigest()[:16], KINDS[name])


def address(name: str) -> str:
    """Its address, which changes with its content."""
    return f"/static/{name}?v={file(name).digest}"
