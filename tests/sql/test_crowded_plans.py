"""What people, daemons and Prometheus ask for reads what they ask for, however many jobs have ended, wait and run.

50,000 jobs have ended, 10,000 wait, and 500 run with 10,000 open shards; PostgreSQL itself counts the rows that each
statement reads, those of its triggers and functions included.
"""

from collections.abc import Iterator

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect

from pgjobs.bench import crowded as bench
from pgjobs.lab.services import Services

ENDED, WAITING, RUNNING = 50_000, 10_000, 500
ONE, PAGE = 90, 1800
"""Rows that a statement about one job, and about twenty, may read; one look at all jobs of a kind reads 10,000. Where
jobs run, the shards of each are looked at as well, twenty of them here."""
READS = {
    "newest": ("select * from pgjobs.job_status order by id desc limit 20", PAGE),
    "running": ("select * from pgjobs.job_status where status = 'in progress' limit 20", PAGE),
    "an ended one": ("select * from pgjobs.job_status where id = 77", ONE),
    "a waiting one": ("select * from pgjobs.job_status where id = 55555", ONE),
    "a running one": ("select * from pgjobs.job_status where id = 60001", ONE),
    "show": ("select pgjobs.show_job(60002)", ONE),
    "list": ("select pgjobs.list_jobs(null, null, 20, null)", PAGE),
    "list before": ("select pgjobs.list_jobs(null, null, 20, 30000)", PAGE),
    "list done": ("select pgjobs.list_jobs('done', null, 20, null)", PAGE),
    "list error": ("select pgjobs.list_jobs('error', null, 20, 2000)", PAGE),
    "list waiting": ("select pgjobs.list_jobs('ready', null, 20, null)", PAGE),
    "list of a type": ("select pgjobs.list_jobs(null, 'expired', 20, null)", PAGE),
    "list of a rare type": ("select pgjobs.list_jobs(null, 'rare', 20, null)", PAGE),
    "list of both": ("select pgjobs.list_jobs('canceled', 'expired', 20, 50000)", PAGE),
    "list of none": ("select pgjobs.list_jobs('ready', 'rare', 20, null)", PAGE),
    "running page": ("select pgjobs.running_jobs(20)", PAGE + 1000),
    "metrics": ("select * from pgjobs.metrics()", 3500),
    "stuck": ("select * from pgjobs.stuck_jobs(10)", PAGE + 500),
    "removable logs": ("select * from pgjobs.removable_logs('h')", 10),
}
WRITES = {
    "insert": ("insert into xmp_jobs (type, params) values ('expired', '{\"count\": 5}')", ONE),
    "delete": ("delete from xmp_jobs where id = 4", ONE),
    "delete one that waits": ("delete from xmp_jobs where id = 55556", ONE),
    "stop": ("select pgjobs.stop_job(55557)", ONE),
    "resume": ("select pgjobs.resume_job(101)", ONE),
    "sweep": ("select pgjobs.sweep()", 200 * 12),
    "elect": ("select pgjobs.elect(gen_random_uuid(), '30 s')", 10),
    "fold": ("select pgjobs.fold_counts()", 100),
    "claim": ("select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, '30 s', 4)", ONE),
    "forget": ("select pgjobs.forget_daemons()", 10),
    "forget agents": ("select pgjobs.forget_agents()", 10),
    "beat": ("select pgjobs.beat(gen_random_uuid(), 'one', 'host', 1, '0', 'up')", 10),
}


@pytest.fixture(scope="module")
def crowded_url(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a crowded database."""
    with shared_database(services, template_database, "crowded") as url:
        with connect(url) as db:
            for text in bench.fill(bench.Size(ENDED, WAITING, RUNNING)):
                db.execute(text)
        yield url


@pytest.fixture
def crowded(crowded_url: str) -> Iterator[Db]:
    """A session of its own on it; what it changes is undone, so that the tests may share it."""
    with connect(crowded_url) as db, db.transaction(force_rollback=True):
        yield db


@pytest.mark.parametrize("what", READS)
def test_reading_costs_what_is_asked_for(crowded: Db, what: str) -> None:
    """A page, a job or the metrics read the rows of the jobs that they show."""
    statement, most = READS[what]
    for _ in range(7):  # later a plan may be one for all arguments
        assert crowded.rows_read(statement) <= most


@pytest.mark.parametrize("what", WRITES)
def test_writing_costs_what_is_written(crowded: Db, what: str) -> None:
    """Inserting, stopping, resuming and deleting a job, and the chores, read rows of the jobs that they change."""
    statement, most = WRITES[what]
    assert crowded.rows_read(statement) <= most


def test_clearing_reads_what_it_clears(crowded: Db) -> None:
    """A batch of any rule reads a few rows for each row and each job that it looks at, not the table."""
    crowded.execute("update pgjobs.retention set keep = '300 days', next_at = '-infinity'")
    for _ in range(10):
        assert crowded.rows_read("select pgjobs.clear_history(100)") <= 600 * 12


def test_the_measure_measures(crowded: Db) -> None:
    """A statement that looks at all jobs of a kind is seen to do so."""
    assert crowded.rows_read("select count(*) from xmp_jobs where status = 'ready' and run_at < created_at") > 5000


def test_the_crowd_is_a_crowd(crowded: Db) -> None:
    """The crowd is what it says: 10,000 jobs that wait, and 10,000 open shards of jobs in progress."""
    open_shards = (
        "select count(*) from pgjobs.shards p join xmp_jobs j on j.id = p.job_id"
        " where j.status = 'in progress' and p.finished_at is null"
    )
    assert (WAITING, 20 * RUNNING) == (
        crowded.value("select count(*) from xmp_jobs where status = 'ready'"),
        crowded.value(open_shards),
    )
