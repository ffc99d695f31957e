"""Helpers of tests about selections: rows to select from, and jobs that have begun."""

from typing import Any

from fix_jobs import Db, claim, insert_job, prepare


def rows(db: Db, *msisdns: str, **columns: object) -> None:
    """Expired retries of these msisdns, in this order, with the same columns else."""
    for msisdn in msisdns:
        values: dict[str, object] = {"msisdn": msisdn} | columns
        marks = ", ".join(["%s"] * len(values))
        statement = f"insert into xmp_retries_expired ({', '.join(values)}) values ({marks})"  # noqa: S608 - names of the test
        db.execute(statement.encode(), list(values.values()))


def paid(db: Db, msisdn: str, at: str, result: str = "paid") -> None:
    """A transaction of an msisdn."""
    insert = "insert into xmp_transactions (msisdn, sent_at, result) values (%s, %s, %s)"
    db.execute(insert.encode(), (msisdn, at, result))


def started(db: Db, kind: str = "expired", /, **params: object) -> int:
    """A job that is claimed and prepared."""
    job = insert_job(db, kind, params=params)
    prepare(db, claim(db, job))
    return job


def bounds(db: Db, job: int) -> tuple[Any, ...]:
    """What prepare_job has fixed: (start_key, end_key, send_limit)."""
    return db.row("select start_key, end_key, send_limit from pgjobs.shards where job_id = %s", job)
