"""What an error means: a wait told in a true sentence, or the end of the job."""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg import errors

from pgjobs.broker.connection import misconfigured
from pgjobs.engine import troubles
from pgjobs.engine.outcome import MOST_UNKNOWN, ShardTask
from pgjobs.engine.poison import Suspicion
from pgjobs.errors import ConfigurationError, Fenced, Interrupted

WAITS = {
    errors.ReadOnlySqlTransaction: "the database is read-only, or a standby: x",
    errors.QueryCanceled: "the database broke a statement off: x",
    errors.LockNotAvailable: "something in the database is locked by somebody else: x",
    errors.IdleInTransactionSessionTimeout: "the database ended a session that was idle in a transaction: x",
    errors.TransactionTimeout: "the database ended a transaction that took too long: x",
    errors.SerializationFailure: "the database rolled back what collided with somebody else: x",
    errors.DeadlockDetected: "the database rolled back what collided with somebody else: x",
    errors.DiskFull: "the database is short of a resource: x",
    errors.IoError: "the server of the database has a trouble of its own: x",
    errors.AdminShutdown: "the database went away: x",
    errors.ConnectionFailure: "the database went away: x",
    psycopg.OperationalError: "the database went away: x",
    ConnectionResetError: "the database went away: x",
    OSError: "the operating system refuses: x",
    TimeoutError: "the database did not answer in time",
    Interrupted: "x",
}
UNKNOWN = [TypeError, OverflowError, RecursionError, KeyError, psycopg.ProgrammingError]


@pytest.mark.parametrize("kind", WAITS)
def test_what_passes_is_a_wait_with_a_true_sentence(kind: type[Exception]) -> None:
    """Only a database that did go away is said to have; nothing of this ends a job or counts as unexpected."""
    error = kind("x\nand more")
    if isinstance(error, Interrupted):
        error = Interrupted("x")
    assert (WAITS[kind], None, False) == (
        troubles.words(error), troubles.broken_for_good(error), troubles.unknown(error),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [errors.UndefinedColumn, errors.InsufficientPrivilege, errors.RaiseException])
def test_what_the_database_refuses_ends_the_job(kind: type[psycopg.Error]) -> None:
    """What somebody has to change is not waited for."""
    error = kind("x")
    assert troubles.refuses(error)
    broken = troubles.broken_for_good(error)
    assert broken is not None
    assert "selection" == broken[0]


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_nobody_expected(kind: type[Exception]) -> None:
    """An error of any other kind is a fault of ours: told as such, and counted."""
    assert troubles.unknown(kind("x"))
    assert troubles.words(kind("x")).startswith(f"internal error: {kind.__name__}: ")


def test_what_was_expected() -> None:
    """What ends a job on purpose is no unexpected error."""
    assert not troubles.unknown(ConfigurationError("x"))
    assert ("configuration", "x") == troubles.broken_for_good(ConfigurationError("x"))
    assert issubclass(Fenced, Exception)


def test_an_unexpected_error_ends_the_job_when_it_comes_again_and_again() -> None:
    """A fault of ours is tried a few times and then told as the error of the job; any other end of a run in between
    begins the count anew, and a connection that is lost is never an end."""
    nothing: Any = None
    context: Any = SimpleNamespace(shard=nothing, suspicion=Suspicion())
    task = ShardTask(context, nothing, nothing)
    lost = psycopg.OperationalError("gone")
    assert [None] * 50 == [task._broken_for_good(lost) for _ in range(50)]
    assert [None] * (MOST_UNKNOWN - 1) == [task._broken_for_good(TypeError("x")) for _ in range(MOST_UNKNOWN - 1)]
    assert task._broken_for_good(lost) is None
    assert [None] * (MOST_UNKNOWN - 1) == [task._broken_for_good(TypeError("x")) for _ in range(MOST_UNKNOWN - 1)]
    sentence = f"internal error: TypeError: x ({MOST_UNKNOWN} times in a row, see the log of the daemon)"
    assert ("internal", sentence) == task._broken_for_good(TypeError("x"))


AWAY = [
    (404, "NOT_FOUND - home node 'rabbit@a' of durable queue 'q' in vhost '/' is down or inaccessible"),
    (404, "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor"),
    (404, "NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart"),
    (404, "NOT_FOUND - failed to perform operation on queue 'q' in vhost '/' due to timeout"),
    (405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'"),
    (320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"),
    (320, "CONNECTION_FORCED - Node was put into maintenance mode"),
    (506, "RESOURCE_ERROR - out of something"),
    (541, "INTERNAL_ERROR"),
]
MISSING = [
    (404, "NOT_FOUND - no queue 'q' in vhost '/'"),
    (404, "NOT_FOUND - no exchange 'home node' in vhost '/'"),
    (403, "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'u'"),
    (406, "PRECONDITION_FAILED - invalid expiration"),
]


@pytest.mark.parametrize(("code", "text"), [*AWAY, *MISSING])
def test_what_is_away_is_waited_for(code: int, text: str) -> None:
    """A queue that is there but can't be reached is a wait; one that is missing or forbidden is an error."""
    assert misconfigured(code, text) == ((code, text) in MISSING)
