"""Helpers of tests about retention: one rule alone, and clearing until nothing is left to be done now."""

from fix_jobs import Db


def only(db: Db, what: str, keep: str = "30 days") -> None:
    """One rule, and no other."""
    db.execute("update pgjobs.retention set keep = case when what = %s then %s::interval end", (what, keep))


def clear(db: Db, most: int = 5000) -> None:
    """Clear until nothing is left to be done now."""
    while db.value("select pgjobs.clear_history(%s)", most):
        pass


def again(db: Db) -> None:
    """Let the time to the next look pass."""
    db.execute("update pgjobs.retention set next_at = '-infinity'")
