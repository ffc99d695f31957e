"""Words with which a shell completes a command: asked of the database, quickly or not at all."""

from __future__ import annotations

import asyncio

from pgjobs.ops.asking import answer
from pgjobs.settings import read_settings
from pgjobs.words import visible

SECONDS = 1.0
"""So long whoever presses the key waits."""
CALL = "select coalesce(json_agg(json_build_array(c.word, c.about)), '[]') from pgjobs.completions(%s, %s) c"


def words(what: str, begin: str) -> list[tuple[str, str]]:
    """Words that begin so, with what each of them is; none where the database can't be asked."""
    try:
        found = asyncio.run(asyncio.wait_for(_ask(what, begin), SECONDS))
    except Exception:  # noqa: BLE001 a key that is pressed shows no error
        return []
    return [(word, visible(about)) for word, about in found if word.isprintable()]


async def _ask(what: str, begin: str) -> list[tuple[str, str]]:
    settings = read_settings()
    settings.need("database_url")
    found: list[tuple[str, str]] = await answer(settings, "complete", CALL, what, begin)
    return found
