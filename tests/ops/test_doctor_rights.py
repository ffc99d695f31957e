"""`pgjobs doctor` about roles and rights: what is missing, what is too much, and what somebody changed by hand."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest
from fix_daemon import Engine
from fix_doctor import Examine, about

from pgjobs.ops.doctor import grants
from pgjobs.ops.doctor.finding import Finding
from pgjobs.pg import connection as db
from pgjobs.pg.migrate import migrate


def rights(found: list[Finding]) -> str:
    """Every sentence and remedy about rights."""
    return "\n".join(f"{one.level}: {one.sentence} -> {one.remedy}" for one in found if one.about == "rights")


def test_a_role_that_may_do_more_than_a_daemon_needs_is_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """A superuser, and a member of the owner."""
    assert "warning: the daemon's role postgres is a superuser" in rights(examine(database_url=engine.database_url))
    role = urlsplit(stranger).username
    engine.execute(f"grant pgjobs_owner to {role}")
    found = rights(examine(database_url=stranger))
    assert f"warning: the daemon's role {role} may do all that the owner of schema pgjobs may (pgjobs_owner)" in found


def test_a_plain_member_of_the_daemons_group_is_what_a_daemon_should_be(examine: Examine) -> None:
    """The role as which the daemon of the tests logs in is all right."""
    assert rights(examine()).startswith("ok: role pgjobs_daemon_")


def test_a_role_without_the_rights_of_a_daemon_is_told(examine: Examine, stranger: str) -> None:
    """The remedy is the statement that makes it a member."""
    role = urlsplit(stranger).username
    found = rights(examine(database_url=stranger))
    assert f"problem: role {role} has not the rights of a daemon -> grant pgjobs_daemon to {role}" in found


def test_a_missing_right_is_named_with_its_grant(engine: Engine, examine: Examine) -> None:
    """What the owner of the engine's functions lacks: table and privilege are in the sentence, the remedy is the
    statement."""
    engine.execute("revoke all on xmp_transactions, xmp_jobs from pgjobs_owner")
    found = rights(examine())
    assert "has no right to select, insert, update, delete on public.xmp_jobs" in found
    assert "-> grant select on public.xmp_transactions to pgjobs_owner" in found


def test_row_level_security_is_told_before_a_job_meets_it(engine: Engine, examine: Examine) -> None:
    """Rows that a policy hides would be missing from every selection."""
    assert "row level security" not in rights(examine())
    engine.execute("alter table xmp_retries_expired enable row level security")
    found = rights(examine())
    assert "problem: row level security hides rows of public.xmp_retries_expired from role pgjobs_owner" in found
    assert "-> alter role pgjobs_owner bypassrls" in found


def test_roles_whose_code_would_run_as_the_daemon_are_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """Everybody who may create in public, and every other owner of the operator's tables."""
    role = urlsplit(stranger).username
    assert "revoke create" not in rights(examine())
    engine.execute("grant create on schema public to public")
    engine.execute(f"alter table xmp_jobs owner to {role}")
    found = rights(examine())
    assert "warning: every role may create objects in schema public" in found
    assert "-> revoke create on schema public from public" in found
    assert f"warning: xmp_jobs belongs to role {role}: its triggers, rules" in found


def test_further_callers_of_the_engine_are_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """A function that runs with the owner's rights, granted to everybody or to a role of somebody's own."""
    role = urlsplit(stranger).username
    found = rights(examine())
    assert f"warning: role {role} may call pgjobs.abandon_api_requests (and " in found
    assert f"-> revoke all on all functions in schema pgjobs from {role}" in found
    engine.execute(f"revoke all on all functions in schema pgjobs from {role}")
    assert "may call" not in rights(examine())
    engine.execute("grant execute on function pgjobs.claim_shards to public")
    found = rights(examine())
    assert "warning: every role may call pgjobs.claim_shards, which runs with the rights of pgjobs_owner" in found


def test_a_group_without_rights_is_told(engine: Engine, examine: Examine) -> None:
    """A group made after the migration has nothing yet."""
    assert "pgjobs_viewer" not in rights(examine())
    engine.execute("revoke usage on schema pgjobs from pgjobs_viewer")
    found = rights(examine())
    assert "warning: the role pgjobs_viewer has no rights in this database -> run: pgjobs migrate" in found


def test_a_role_that_may_do_nothing_gets_the_missing_right(engine: Engine, examine: Examine, stranger: str) -> None:
    """The server answered, and said what is missing: nobody is sent to look whether it runs."""
    engine.execute(f"revoke all on schema pgjobs from {urlsplit(stranger).username}")
    found = about(examine(database_url=stranger), "schema")
    assert ("problem", "it can't be checked: permission denied for schema pgjobs") == found[0::2]
    assert found.remedy.startswith("grant the role of PGJOBS_DATABASE_URL the one for its work: pgjobs_daemon (")


def test_a_role_that_may_only_look_is_told_which_role_to_grant(engine: Engine, examine: Examine, stranger: str) -> None:
    """Where the role of the daemon is a member of a lesser one, that is a finding, and other things are looked at."""
    role = urlsplit(stranger).username
    engine.execute(f"revoke all on schema pgjobs from {role}; revoke all on all tables in schema pgjobs from {role}")
    engine.execute(f"revoke all on all functions in schema pgjobs from {role}; grant pgjobs_viewer to {role}")
    found = examine(database_url=stranger)
    assert ("problem", f"role {role} has not the rights of a daemon", f"grant pgjobs_daemon to {role}") == (
        about(found, "rights")[0:1] + about(found, "rights")[2:]
    )
    assert "version" in {one.about for one in found if one.level == "ok"}


GRANTS = [
    ("insert on table pgjobs.shards", "pgjobs_web"),
    ("select (name) on table pgjobs.tokens", "pgjobs_viewer"),
    ("execute on function pgjobs.claim_shards(uuid,text[],boolean,interval,integer,text)", "pgjobs_operator"),
    ("usage on sequence pgjobs.events_id_seq", "pgjobs_agent"),
    ("create on schema pgjobs", "pgjobs_daemon"),
    ("select on table pgjobs.tokens", "public"),
]


@pytest.mark.parametrize(("right", "role"), GRANTS)
def test_a_right_that_was_granted_by_hand_is_told_and_taken_back(
    engine: Engine, examine: Examine, right: str, role: str
) -> None:
    """Whatever kind of thing it is on: doctor names role, right and remedy, and migrate is the remedy."""
    engine.execute(f"grant {right} to {role}")
    found = rights(examine())
    who = "every role" if role == "public" else f"role {role}"
    assert f"warning: {who} may {right}, which sql/access.sql grants to nobody or to other roles" in found
    assert "-> run: pgjobs migrate, which puts the rights back" in found
    told: list[str] = []
    assert ["rights of the roles"] == migrate(engine.database_url, told.append)
    assert [f"rights were changed by hand and are put back: {right}, gained by {role}"] == told
    assert rights(examine()).startswith("ok: ")
    assert [] == migrate(engine.database_url, told.append)


REVOKES = [
    ("execute on function pgjobs.why(bigint)", "pgjobs_viewer"),
    ("select on table pgjobs.job_status", "pgjobs_operator"),
    ("select (expires_at) on table pgjobs.tokens", "pgjobs_daemon"),
    ("select (run_at) on table public.xmp_jobs", "pgjobs_daemon"),
    ("usage on schema pgjobs", "pgjobs_web"),
    ("update on table pgjobs.shards", "pgjobs_owner"),
    ("execute on function pgjobs.job_json(bigint)", "pgjobs_owner"),
]


@pytest.mark.parametrize(("right", "role"), REVOKES)
def test_a_right_that_was_revoked_by_hand_is_told_and_comes_back(
    engine: Engine, examine: Examine, right: str, role: str
) -> None:
    """A right of one of the roles, or of the owner itself: doctor names it, and migrate grants it once more."""
    engine.execute(f"revoke {right} from {role}")
    found = rights(examine())
    assert (
        f"problem: role {role} has lost its right to {right}: somebody has revoked it -> run: pgjobs migrate" in found
    )
    assert ["rights of the roles"] == migrate(engine.database_url)
    assert rights(examine()).startswith("ok: ")
    assert [] == migrate(engine.database_url)


def test_rights_of_a_role_of_somebodys_own_are_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """Tables, sequences and the schema: each kind with the statement that closes it; nothing is left after those."""
    role = urlsplit(stranger).username
    engine.execute(f"grant create on schema pgjobs to {role}; grant usage on all sequences in schema pgjobs to {role}")
    engine.execute(f"revoke all on all functions in schema pgjobs from {role}")
    told = [one for one in examine() if one.about == "rights" and f"role {role} may" in one.sentence]
    assert {"schema", "sequence", "table"} == {one.sentence.partition(" on ")[2].split(" ")[0] for one in told}
    for one in told:
        engine.execute(one.remedy.partition(",")[0])
    assert rights(examine()).startswith("ok: ")


ROLES_CHANGED = [
    ("alter role pgjobs_web login", "the role pgjobs_web has the attribute login"),
    ("alter role pgjobs_viewer superuser", "the role pgjobs_viewer has the attribute superuser"),
    ("alter role pgjobs_daemon bypassrls", "the role pgjobs_daemon has the attribute bypassrls"),
    ("alter role pgjobs_agent createrole", "the role pgjobs_agent has the attribute createrole"),
    ("alter role pgjobs_operator createdb", "the role pgjobs_operator has the attribute createdb"),
    ("alter role pgjobs_owner replication", "the role pgjobs_owner has the attribute replication"),
    ("grant pgjobs_owner to pgjobs_web", "the role pgjobs_web is a member of pgjobs_owner: whoever"),
    ("grant pg_monitor to pgjobs_viewer", "the role pgjobs_viewer is a member of pg_monitor: whoever"),
]


@pytest.mark.parametrize(("statement", "words"), ROLES_CHANGED)
def test_what_the_six_roles_are_beyond_their_rights_is_told(database: str, statement: str, words: str) -> None:
    """Log in, attributes and memberships: the remedy is the statement that undoes it. The roles belong to the whole
    server, so nothing of it is committed."""

    async def act() -> None:
        async with await db.connect(database, "test", autocommit=False) as connection:
            assert [] == await grants.roles(connection)
            await connection.execute(statement.encode())
            (found,) = await grants.roles(connection)
            assert found.level == "warning"
            assert found.sentence.startswith(words)
            await connection.execute(re.split(r"; |, ", found.remedy)[0].encode())
            assert [] == await grants.roles(connection)
            await connection.rollback()

    asyncio.run(act())


def test_the_owner_may_pass_row_level_security(database: str) -> None:
    """What doctor itself gives as the remedy is no finding."""

    async def act() -> None:
        async with await db.connect(database, "test", autocommit=False) as connection:
            await connection.execute("alter role pgjobs_owner bypassrls")
            assert [] == await grants.roles(connection)
            await connection.rollback()

    asyncio.run(act())
