"""d: a dry run, which reads, checks, logs and counts everything, against COPY of the same selection to nowhere."""

from __future__ import annotations

import os
import subprocess
import time

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Key, Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, rest

DRY, COPY, COPY_BINARY = "dry run", "COPY to stdout", "COPY to stdout, binary"


def measure(lab: Lab) -> None:
    """Alternate dry runs and copies."""
    queue = lab.queue("dry")
    kind = lab.type_for("expired", queue)
    with workers.daemon(lab) as pid:
        for turn in range(lab.scale.repeat):
            lab.say(f"d: dry run and COPY, turn {turn + 1} of {lab.scale.repeat}")
            params = {**lab.range(), "never": 1, "dry_run": True}
            job, sample = jobs.run(lab, pid, kind, params, of="considered")
            if lab.depth(queue):
                raise workers.BenchError("a dry run has published something")
            lab.book.add(Key("d", DRY), sample)
            for name, form in ((COPY, "text"), (COPY_BINARY, "binary")):
                copied = copy(lab, job.id, form)
                lab.book.add(Key("d", name), Sample(sample.count, copied.seconds, copied.cpu))
    lab.drop(queue)


def copy(lab: Lab, job_id: int, form: str) -> Sample:
    """Copy the statement of a job, under the planner settings its cursor had."""
    selection = records_statement(lab, job_id)
    script = "\n".join([*planner_settings(lab), f"copy ({selection}) to stdout with (format {form});"])
    rest(lab.trees, lab.scale.rest)
    watch = Watch(lab.trees)
    began = time.monotonic()
    if lab.psql is not None:
        _by_psql(lab, lab.psql, script)
    else:
        _by_psycopg(lab, script)
    return Sample(0, time.monotonic() - began, watch.spent())


def planner_settings(lab: Lab) -> list[str]:
    """The settings open_records() opens its cursor under."""
    query = "select unnest(proconfig) from pg_proc where oid = 'pgjobs.open_records'::regproc"
    pairs = [row[0].split("=", 1) for row in lab.connection.execute(query).fetchall()]
    return [f"set {name} = {value};" for name, value in pairs if name.startswith("enable_")]


def records_statement(lab: Lab, job_id: int) -> str:
    """What the daemon has read from."""
    row = lab.connection.execute(
        "select pgjobs.records_statement(p.job_id, p.shard, p.start_key, p.end_key)"
        " from pgjobs.shards p where p.job_id = %s and p.shard = 0",
        (job_id,),
    ).fetchone()
    if row is None:
        raise workers.BenchError(f"job {job_id} has no progress")
    return str(row[0])


def _by_psql(lab: Lab, program: str, script: str) -> None:
    command = [program, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    # By environment: an address with a password is not for the list of processes.
    info = lab.connection.info
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {
        "PGHOST": info.host,
        "PGPORT": str(info.port),
        "PGUSER": info.user,
        "PGPASSWORD": info.password,
        "PGDATABASE": info.dbname,
        "PGTZ": "UTC",
        "PGOPTIONS": "-c jit=off",
    }
    done = subprocess.run(
        command,
        input=script.encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        raise workers.BenchError(f"psql: {done.stderr.decode(errors='replace').strip()}")


def _by_psycopg(lab: Lab, script: str) -> None:
    *settings, statement = script.splitlines()
    with lab.connection.transaction(), lab.connection.cursor() as cursor:
        for setting in settings:
            cursor.execute(setting.replace("set ", "set local ", 1).encode())
        with cursor.copy(statement.encode()) as rows:
            while rows.read():
                pass
