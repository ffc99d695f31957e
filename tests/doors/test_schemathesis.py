"""schemathesis calls every documented endpoint of a running process and compares the answers with the document."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fix_document import ALL_DOORS, scopes_of, seed, token_for
from fix_jobs import Db
from fix_web import WebProcess

from pgjobs.web.door import Door

HERE = Path(__file__).parent
LONG = "PGJOBS_TEST_LONG" in os.environ
SHORT = ("--max-examples", "6", "--seed", "7", "--no-shrink", "--exclude-path-regex", "^/api/v1/.*[^/]$")
"""Few requests; of the paths that there are with and without a slash at the end only the former."""
BOUNDS = ("--max-examples", "400") if LONG else SHORT


@pytest.mark.long
@pytest.mark.parametrize("door", [door for door in ALL_DOORS if door.doc], ids=lambda door: door.name)
def test_no_answer_disagrees_with_the_document(web_url: str, db: Db, tmp_path: Path, door: Door) -> None:
    """Valid, odd and wrong requests, and sequences of them along the links, get no 5xx but 503 and no answer that the
    document does not know; what it calls wrong is refused, and no endpoint works without a token."""
    assert door.doc is not None
    seed(door, db)
    documented = [endpoint.doc for endpoint in door.endpoints if endpoint.doc]
    followed = any(answer.links for doc in documented for answer in doc.answers.values())
    phases = "examples,coverage,fuzzing,stateful" if followed else "examples,coverage,fuzzing"
    token = token_for(db, *scopes_of(door))
    (tmp_path / "injections").mkdir()
    given = {"database_url": web_url, "http_patience": "0.05", "injections_dir": str(tmp_path / "injections")}
    with WebProcess(http_auth="true", **given) as web:
        threading.Thread(target=web.log.extend, args=(web.process.stderr,), daemon=True).start()
        outcome = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
             "run", f"{web.client.base_url}/openapi.json", "--include-tag", door.doc.title,
             "--header", f"Authorization: Bearer {token}", "--phases", phases, *BOUNDS],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")}
            | {"PYTHONPATH": str(HERE.parent / "support"), "NO_COLOR": "1", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=None if LONG else 900,
        )  # fmt: skip
    assert 0 == outcome.returncode, outcome.stdout[-12000:] + outcome.stderr[-2000:]
