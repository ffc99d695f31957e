"""The settings that move the clock, give a reason or say that a job is being claimed, and from whom they count."""

from datetime import UTC, datetime

import pytest
from fix_jobs import Db, connect, insert_job, set_status
from fix_roles import PASSWORD, Login

from pgjobs.lab.roles import as_role

PAST = datetime(2017, 2, 1, 10, 30, tzinfo=UTC)
FORGED = {"pgjobs.now": "2017-02-01 10:30Z", "pgjobs.reason": "the auditor wanted it"}


def forge(session: Db) -> None:
    """Make the settings that only the engine is to make."""
    for name, value in FORGED.items():
        session.execute("select set_config(%s, %s, false)", (name, value))


def test_a_cms_moves_no_clock_and_forges_no_reason(db: Db, cms: Db) -> None:
    """Events, finish_at and callbacks of a CMS that sets clock and reason have the server's time and no reason."""
    db.execute("select pgjobs.announce_callbacks(true)")
    forge(cms)
    job = insert_job(cms, params={"count": 5, "prefix": "92"})
    set_status(cms, job, "canceled")
    assert 3 == db.value("select count(*) from pgjobs.events")
    assert [] == db.column("select at from pgjobs.events where at < now() - interval '1 minute'")
    assert [None, None] == db.column("select reason from pgjobs.events where to_status is not null")
    assert db.value("select finish_at > now() - interval '1 minute' from xmp_jobs where id = %s", job)
    assert db.value("select due_at > now() - interval '1 minute' from pgjobs.callbacks")


@pytest.mark.parametrize("group", ["pgjobs_web", "pgjobs_operator"])
def test_a_group_that_steers_moves_no_clock(db: Db, login: Login, group: str) -> None:
    """Whoever may start jobs starts them by the server's clock, and gives no reason in the engine's name."""
    member = login(group)
    forge(member)
    job = insert_job(db, run_at="2100-01-01Z")
    member.execute("select pgjobs.start_job(%s)", (job,))
    member.execute("select pgjobs.stop_job(%s)", (job,))
    assert db.value("select run_at > now() - interval '1 minute' from xmp_jobs where id = %s", job)
    assert ["canceled"] == db.column("select to_status from pgjobs.events where reason is null and id > 1")


def test_a_daemon_gives_reasons_and_moves_no_clock(db: Db, daemon_url: str) -> None:
    """The reason of a member of pgjobs_daemon counts, as that of a break-off does; its clock does not."""
    reason = "select pgjobs.trusted_setting('pgjobs.reason', '{pgjobs_daemon}')"
    db.execute("grant execute on function pgjobs.trusted_setting, pgjobs.now to public")
    with connect(daemon_url) as daemon:
        forge(daemon)
        assert FORGED["pgjobs.reason"] == daemon.value(reason)
        assert daemon.value("select pgjobs.now() > now() - interval '1 minute'")


def test_a_member_of_the_owner_moves_the_clock(db: Db, login: Login) -> None:
    """A role that is a member of the schema's owner moves the clock of its own session, and nobody else's."""
    owner = str(db.value("select nspowner::regrole::text from pg_namespace where nspname = 'pgjobs'"))
    member = login(owner)
    member.execute("set pgjobs.now = '2017-02-01 10:30Z'")
    assert PAST == member.value("select pgjobs.now()")
    member.execute("set pgjobs.now = ''")
    assert member.value("select pgjobs.now() > now() - interval '1 minute'")
    assert db.value("select pgjobs.now() > now() - interval '1 minute'")


def test_the_role_of_the_function_does_not_count(db: Db, cms: Db, database: str) -> None:
    """Within a function that runs as its owner it is still the role that logged in that counts."""
    db.execute(
        "create function public.lent() returns timestamptz language sql security definer"
        " set search_path = pg_catalog, pg_temp as 'select pgjobs.now()'"
    )
    with connect(as_role(database, cms.info.user, PASSWORD), **{"pgjobs.now": "2017-02-01"}) as forger:
        assert forger.value("select public.lent() > now() - interval '1 minute'")
