"""The README is part of the product: what it lists is what there is."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from fix_jobs import Db, claim, job_in, prepare
from fix_web import Web
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_every_setting_stands_in_the_readme_with_its_meaning() -> None:
    """Each setting has a row with its description, and no row names a setting that is not there."""
    rows = dict(re.findall(r"^\| `PGJOBS_([A-Z_]+)` \| [^|]* \| (.*) \|$", README, re.MULTILINE))
    assert rows == {name.upper(): field.description for name, field in Settings.model_fields.items()}


def everything_measured(db: Db) -> None:
    """Whatever /metrics can show is there to be shown: a daemon that has met every label, a running job, the gauges."""
    metrics = Metrics()
    for metric in vars(metrics).values():
        if names := getattr(metric, "_labelnames", ()):
            metric.labels(*names).inc()
    worker = uuid.uuid4()
    db.execute("select pgjobs.beat(%s, 'one', 'host', 1, '0', 'up', %s)", (worker, Jsonb(metrics.samples())))
    db.execute("insert into xmp_retries_expired (id, msisdn) select g, g::text from generate_series(1, 99) g")
    job = job_in(db, "ready")
    prepare(db, claim(db, job))
    db.execute(
        "update pgjobs.shards set considered = 10, sent = 10, after_key = 10, updated_at = clock_timestamp()"
        " where job_id = %s",
        (job,),
    )
    db.execute("select pgjobs.refresh_gauges(1e9, '0 s')")


def test_every_metric_stands_in_the_readme_with_its_labels(web: Web, db: Db) -> None:
    """/metrics shows exactly the metrics the README lists, each with exactly the labels of its row."""
    everything_measured(db)
    shown = {
        family.name + ("_total" if family.type == "counter" else ""): {
            label for sample in family.samples for label in sample.labels
        }
        for family in text_string_to_metric_families(web.get("/metrics").text)
    }
    table = README[README.index("\n## Metrics\n") : README.index("\n## Speed\n")]
    rows = re.findall(r"^\| `([a-z_]+)` \| ([a-z_, ]*)\|", table, re.MULTILINE)
    assert shown == {name: set(re.findall("[a-z_]+", labels)) for name, labels in rows}


def test_every_path_of_the_code_map_exists() -> None:
    """The code map names files and folders that are there."""
    code_map = README[README.index("## Code map") :]
    paths = re.findall(r"`((?:pgjobs|sql|tests|migrations)/?[\w/.]*)`", code_map)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_sqlstate_of_the_readme_is_one_the_database_raises() -> None:
    """The table of SQLSTATEs names exactly those that sql/ uses."""
    used = set(re.findall(r"'(PJ\d{3})'", "".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))))
    assert set(re.findall(r"^\| `(PJ\d{3})` \|", README, re.MULTILINE)) == used
