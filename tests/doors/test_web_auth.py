"""Bearer tokens: which requests they allow, and that only their digests are stored."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_jobs import Db, job_in
from fix_web import Web

from pgjobs.ops.tokens import make_token
from pgjobs.web.app import ROOT_DOOR

READ = ("/jobs", "/jobs/status", "/metrics")


def add_token(db: Db, scope: str, expires_at: datetime | None = None, name: str = "") -> str:
    """Add a token to the database, and return it."""
    token, digest = make_token()
    db.execute(
        "select pgjobs.add_token(%s, %s, %s, %s)",
        (name or f"test-{scope}".replace(":", "-"), digest, scope.split(), expires_at),
    )
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "path", [endpoint.path for endpoint in ROOT_DOOR.endpoints if endpoint.scope != "open"] + ["/nowhere"]
)
def test_every_path_but_the_open_ones_needs_a_token(guarded_web: Web, path: str) -> None:
    """Without a token every path, known or not, is a 401 that says how to send one."""
    answer = guarded_web.get(f"{path}?id=7")
    assert (401, "no_token", "Bearer") == (
        answer.status_code,
        answer.json()["code"],
        answer.headers["www-authenticate"],
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_open(guarded_web: Web, path: str) -> None:
    """A health check needs no token."""
    assert 200 == guarded_web.get(path).status_code


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer nonsense", b"Bearer \xff\xfe\xc3", "Bearer " + "x" * 10_000],
)
def test_a_wrong_token_is_401(guarded_web: Web, db: Db, header: str | bytes) -> None:
    """Empty, of another kind, unknown, not ASCII, very long: all of them are a 401, none a failure."""
    add_token(db, "control")
    answer = guarded_web.get(
        "/jobs", headers=[(b"authorization", header if isinstance(header, bytes) else header.encode())]
    )
    assert (401, "bad_token") == (answer.status_code, answer.json()["code"])


def test_two_authorization_headers_are_refused(guarded_web: Web, db: Db) -> None:
    """A proxy may read another one of two headers than the service does, so neither counts."""
    token = add_token(db, "control")
    answer = guarded_web.get("/jobs", headers=[("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")])
    assert 401 == answer.status_code


def test_a_read_token_reads_and_a_control_token_does_all(guarded_web: Web, db: Db) -> None:
    """The scope read allows status, list and metrics; everything else is a 403 that changes nothing."""
    job = job_in(db, "ready")
    read, control = bearer(add_token(db, "read")), bearer(add_token(db, "control"))
    assert [200] * 3 == [guarded_web.get(path, headers=read).status_code for path in READ]
    for path in (f"/jobs/stop?id={job}", f"/jobs/start?id={job}", f"/jobs/resume?id={job}", "/api", "/nowhere"):
        answer = guarded_web.get(path, headers=read)
        assert (403, "forbidden") == (answer.status_code, answer.json()["code"])
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    assert (0,) == db.row("select count(*) from pgjobs.api_requests")
    assert [200] * 3 == [guarded_web.get(path, headers=control).status_code for path in READ]
    assert 200 == guarded_web.get(f"/jobs/stop?id={job}", headers=control).status_code
    assert 404 == guarded_web.get("/nowhere", headers=control).status_code


def test_a_token_ends_when_it_expires_or_is_dropped(guarded_web: Web, db: Db) -> None:
    """A token that has expired or was dropped is refused from that moment on."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    headers = bearer(add_token(db, "read", tomorrow, "brief"))
    assert 200 == guarded_web.get("/jobs", headers=headers).status_code
    db.execute("update pgjobs.tokens set expires_at = now()")
    assert 401 == guarded_web.get("/jobs", headers=headers).status_code
    db.execute("update pgjobs.tokens set expires_at = null")
    assert 200 == guarded_web.get("/jobs", headers=headers).status_code
    db.execute("select pgjobs.drop_token('brief')")
    assert 401 == guarded_web.get("/jobs", headers=headers).status_code


def test_only_the_digest_is_kept(guarded_web: Web, db: Db, caplog: pytest.LogCaptureFixture) -> None:
    """The token itself is in no table and in no log, whether it is accepted or refused."""
    caplog.set_level("DEBUG")
    token = add_token(db, "read")
    guarded_web.get("/jobs", headers=bearer(token))
    guarded_web.get("/api", headers=bearer(token))
    row = db.row("select sha256, t::text from pgjobs.tokens t")
    assert hashlib.sha256(token.encode()).digest() == row[0]
    assert token not in row[1]
    assert token not in caplog.text


def test_a_token_is_looked_up_by_its_digest_alone(guarded_web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a door is shown a token, the database is asked for the digest of what came, by the index on digests: how
    long that takes says nothing of a token that there is."""
    token = add_token(db, "read")
    database = guarded_web.app.state.database
    asked: list[tuple[str, tuple[object, ...]]] = []
    rows = database.rows

    async def noting(call: str, *arguments: object, **options: Any) -> Any:
        asked.append((call, arguments))
        return await rows(call, *arguments, **options)

    monkeypatch.setattr(database, "rows", noting)
    shown = [token, token[:-1], token[:-1] + "0", "x"]
    for one in shown:
        for path, headers in (
            ("/jobs", bearer(one)),
            ("/api/v1/clients/", bearer(one)),
            ("/north/v80/operation/jobs/7", {"X-ApiKey": one}),
            ("/pig/2.0/sub/x/template/y", {"Bearer": one}),
            ("/", bearer(one)),
        ):
            asked.clear()
            guarded_web.get(path, headers=headers)
            sent = [arguments for call, arguments in asked if "token_holder" in call]
            assert [(hashlib.sha256(one.encode()).digest(),)] == sent, path
            assert one == "x" or one not in str(asked), path
    body = db.value("select prosrc from pg_proc where oid = 'pgjobs.token_holder(bytea)'::regprocedure")
    db.execute("set enable_seqscan = off")
    explained = "explain " + body.replace("_sha256", "'x'::bytea")
    plan = db.execute(explained.encode()).fetchall()
    assert "Index Cond: (sha256 = " in str(plan), plan


@pytest.mark.parametrize(
    ("name", "sha256", "scope", "expires_at", "state", "code"),
    [
        ("", b"x" * 32, "read", None, "PJ400", "bad_name"),
        ("a b", b"x" * 32, "read", None, "PJ400", "bad_name"),
        (None, b"x" * 32, "read", None, "PJ400", "bad_name"),
        ("new", b"x", "read", None, "PJ400", "bad_sha256"),
        ("new", None, "read", None, "PJ400", "bad_sha256"),
        ("new", b"x" * 32, "admin", None, "PJ400", "bad_scope"),
        ("new", b"x" * 32, None, None, "PJ400", "bad_scope"),
        ("new", b"x" * 32, "read", datetime(2020, 1, 1, tzinfo=UTC), "PJ400", "bad_expires_at"),
        ("there", b"y" * 32, "read", None, "PJ409", "token_exists"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    db: Db,
    name: str | None,
    sha256: bytes | None,
    scope: str | None,
    expires_at: datetime | None,
    state: str,
    code: str,
) -> None:
    """add_token names the argument that is wrong and adds nothing."""
    add_token(db, "read", name="there")
    with pytest.raises(psycopg.Error) as caught:
        db.execute("select pgjobs.add_token(%s, %s, %s, %s)", (name, sha256, scope and scope.split(), expires_at))
    assert (state, code) == (caught.value.sqlstate, caught.value.diag.constraint_name)
    assert (1,) == db.row("select count(*) from pgjobs.tokens")


def test_dropping_a_token_that_is_not_there_is_refused(db: Db) -> None:
    """Dropping a token with a misspelt name is refused, so that nobody believes it was dropped."""
    with pytest.raises(psycopg.Error, match="there is no token ghost") as caught:
        db.execute("select pgjobs.drop_token('ghost')")
    assert "PJ404" == caught.value.sqlstate


@pytest.mark.parametrize(
    ("scopes", "looks", "changes"),
    [
        ("cms:read", 200, 403),
        ("cms:control", 200, 200),
        ("operations:control partner:control mailings:control all", 403, 403),
        ("read operations:control", 200, 403),
        ("operations:read control", 200, 200),
    ],
)
def test_a_scope_of_one_door_opens_no_other(guarded_web: Web, db: Db, scopes: str, looks: int, changes: int) -> None:
    """What a token may do at one door says nothing of the others; without a door's name it is for each."""
    job = job_in(db, "ready")
    headers = bearer(add_token(db, scopes, name="partner-1"))
    assert looks == guarded_web.get("/jobs", headers=headers).status_code
    assert changes == guarded_web.get(f"/jobs/stop?id={job}", headers=headers).status_code
