"""Fixtures: the shop of sql/README.md, whose developer adds a type as the page says; the blocks of code of pages."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from fix_jobs import Db, connect

ROOT = Path(__file__).parents[2]


def blocks(page: str, since: str = "", until: str = "") -> list[tuple[str, str]]:
    """Language and text of the blocks of code of a page, between two texts of it."""
    text = (ROOT / page).read_text()
    begin = text.index(since)
    text = text[begin : text.index(until, begin) if until else None]
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def statements(block: str) -> list[str]:
    """The statements of a block that has no functions, without their comments."""
    return [one.strip() for one in re.sub(r"--.*", "", block).split(";") if one.strip()]


BLOCKS = blocks("sql/README.md", "### A new type, step by step", "### Zones of recipients")


class Shop(NamedTuple):
    """The engine, and the developer who adds the type: names that the whole machine shares are the test's own."""

    engine: Engine
    mark: str
    developer: Db
    environment: dict[str, str]

    def own(self, text: str) -> str:
        """A block of the page under the names of this test."""
        return re.sub(r"\b(newsletters|newsletter_replies|developer)\b", rf"\1_{self.mark}", text)

    @property
    def queue(self) -> str:
        """Where the messages come to."""
        return self.own("newsletters")

    def sql(self, text: str) -> int | None:
        """Run a block as the developer; what its first row says, where that is a number."""
        cursor = self.developer.execute(self.own(text).encode())
        return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]

    def shell(self, text: str) -> str:
        """Run a block as commands; what they write."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self.own(text)],
            env=self.environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert not done.stderr, done.stderr
        return done.stdout


@pytest.fixture
def shop(engine: Engine) -> Iterator[Shop]:
    """The first block of the page is done: table and role are there."""
    mark = uuid.uuid4().hex[:8]
    kind, first = BLOCKS[0]
    assert "sql" == kind
    engine.database.execute(first.replace("developer", f"developer_{mark}").encode())
    url = urlsplit(engine.database_url)
    own = url._replace(netloc=f"developer_{mark}:secret@{url.hostname}:{url.port}").geturl()
    folder = str(Path(sys.executable).parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")} | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PGJOBS_DATABASE_URL": own,
        "PGJOBS_AMQP_URL": engine.amqp_url,
        "PGJOBS_LOG_DIR": str(engine.log_dir),
        "PYTHONPATH": str(ROOT),
    }
    made = Shop(engine, mark, connect(own), environment)
    try:
        yield made
    finally:
        made.developer.close()
        with Drain(engine.amqp_url) as broker:
            for queue in (made.queue, made.own("newsletter_replies")):
                broker.channel.queue_delete(queue)
        engine.execute(f"reassign owned by developer_{mark} to current_user")
        engine.execute(f"drop owned by developer_{mark}")
        engine.execute(f"drop role developer_{mark}")
