"""The heartbeats of agents in the database: who lives, what is counted and not believed, and who is forgotten."""

import json
import threading

import pytest
from fix_agents import AgentQueues
from fix_cli import run
from fix_jobs import Db
from fix_roles import Login
from fix_services import soon

from pgjobs.agents import Item, session
from pgjobs.lab.roles import member_url

BEAT = {"agent": "unit-1", "types": ["Unit", "MiView"], "holds": 3, "host": "app-7", "pid": 4711, "leaving": False}
STATUS = "select types, host, pid, holds, alive, leaving from pgjobs.agent_status where name = %s"


def beat(db: Db, **fields: object) -> None:
    """A heartbeat, changed so."""
    db.execute("select pgjobs.beat_agent(%s)", (json.dumps(BEAT | fields),))


def test_a_beat_says_who_lives(db: Db) -> None:
    """An agent lives from its first beat on, until it leaves or has been silent for 30 seconds."""
    beat(db)
    assert (["MiView", "Unit"], "app-7", 4711, 3, True, False) == db.row(STATUS, "unit-1")
    beat(db, holds=0, leaving=True)
    assert (0, False, True) == db.row(STATUS, "unit-1")[3:]
    beat(db)
    db.execute("update pgjobs.agents set seen_at = clock_timestamp() - interval '25 s'")
    assert (3, True, False) == db.row(STATUS, "unit-1")[3:]
    db.execute("update pgjobs.agents set seen_at = clock_timestamp() - interval '31 s'")
    assert (3, False, False) == db.row(STATUS, "unit-1")[3:]


def test_a_beat_says_what_keeps_an_agent_from_working(db: Db) -> None:
    """The trouble of the last beat is shown, cut to 500 characters, until a beat comes without one; it is a text."""
    shown = "select trouble from pgjobs.agent_status where name = 'unit-1'"
    for said, expected in [("x" * 600, "x" * 500), (" no gateway ", "no gateway"), ("", None), (["x"], None)]:
        beat(db, trouble=said)
        assert expected == db.value(shown)
    beat(db, trouble="no gateway")
    beat(db)
    assert db.value(shown) is None


@pytest.mark.parametrize(
    ("fields", "anew"),
    [({}, False), ({"holds": 9}, False), ({"leaving": True}, False), ({"pid": 1}, True), ({"host": "app-8"}, True)],
)
def test_another_process_has_another_beginning(db: Db, fields: dict[str, object], anew: bool) -> None:
    """started_at is the first beat of this process: it moves only where another one has the name now."""
    beat(db)
    db.execute("update pgjobs.agents set started_at = '2026-01-01Z'")
    beat(db, **fields)
    assert anew == db.value("select started_at > '2026-01-01Z' from pgjobs.agents")


def test_an_agent_that_comes_back_begins_anew(db: Db) -> None:
    """A beat after the last one is that of another run, also where the pid is the same, as in a container."""
    beat(db, leaving=True)
    db.execute("update pgjobs.agents set started_at = '2026-01-01Z'")
    beat(db)
    assert db.value("select started_at > '2026-01-01Z' from pgjobs.agents")


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "no json",
        "[]",
        "null",
        '"unit-1"',
        "{}",
        '{"agent": null}',
        '{"agent": 7}',
        '{"agent": {"agent": "unit-1"}}',
        '{"agent": "  "}',
        json.dumps({"agent": "x" * 201}),
        '{"agent": "a\\nb"}',
        '{"agent": "a\\u0000b"}',
        '{"agent": "\\ud800"}',
        '{"agent": "unit-1", "pid": 1e999999}',
        "[" * 100_000,
    ],
)
def test_a_beat_that_can_not_be_read_is_counted(db: Db, body: str | None) -> None:
    """A beat that names no agent raises no error, adds no agent, and is counted with the beginning of the last one."""
    for _ in range(2):
        db.execute("select pgjobs.beat_agent(%s)", (body,))
    assert [] == db.column("select name from pgjobs.agents")
    sample = None if body is None else body[:200]
    assert ("bad_beat", 2, sample) == db.row("select kind, n, sample from pgjobs.reply_faults")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"agent": "x" * 200}, (["MiView", "Unit"], "app-7", 4711, 3)),
        ({"types": ["no such type", "no such type", 7, None, ["x"]]}, (["no such type"], "app-7", 4711, 3)),
        ({"types": "Unit"}, (["Unit"], "app-7", 4711, 3)),
        ({"types": None, "host": None, "pid": None, "holds": None, "leaving": None}, ([], None, None, 0)),
        ({"types": {}, "host": 7, "pid": "7", "holds": [], "leaving": "true"}, ([], None, None, 0)),
        ({"pid": -1, "holds": -1}, (["MiView", "Unit"], "app-7", None, 0)),
        ({"pid": 1e300, "holds": 1e300}, (["MiView", "Unit"], "app-7", None, 2147483647)),
        ({"pid": 1.5, "holds": 1.5}, (["MiView", "Unit"], "app-7", 1, 1)),
        ({"types": ["x" * 300], "host": "y" * 300}, (["x" * 200], "y" * 200, 4711, 3)),
        ({"types": [f"t{number:03}" for number in range(500)]}, ([f"t{n:03}" for n in range(100)], "app-7", 4711, 3)),
    ],
)
def test_what_a_beat_says_wrongly_is_left_out(db: Db, fields: dict[str, object], expected: tuple[object, ...]) -> None:
    """An agent with a name lives, whatever else its beat says; types need not be in the registry."""
    beat(db, **fields)
    name = str(fields.get("agent", "unit-1"))
    assert (*expected, True, False) == db.row(STATUS, name)
    assert 0 == db.value("select count(*) from pgjobs.reply_faults")


def test_agents_that_are_silent_for_a_day_are_forgotten(db: Db) -> None:
    """Those that people have written a responsibility for stay, whether they were ever heard of or not."""
    for name in ("silent", "lately", "known"):
        beat(db, agent=name)
    db.execute("insert into pgjobs.agents (name, about) values ('never', 'cleans the catalogue')")
    db.execute("update pgjobs.agents set about = 'renews subscriptions' where name = 'known'")
    db.execute("update pgjobs.agents set seen_at = now() - interval '25 hours' where name <> 'lately'")
    db.execute("update pgjobs.agents set seen_at = now() - interval '23 hours' where name = 'lately'")
    db.execute("update pgjobs.agents set seen_at = null where name = 'never'")
    db.execute("select pgjobs.forget_agents()")
    assert ["known", "lately", "never"] == db.column("select name from pgjobs.agents order by 1")
    beat(db, agent="never")
    assert ("cleans the catalogue", True) == db.row("select about, alive from pgjobs.agent_status where name = 'never'")


def test_an_agent_may_beat_by_sql(db: Db, login: Login) -> None:
    """A member of pgjobs_agent can say that it lives, and look at nothing."""
    agent = login("pgjobs_agent")
    beat(agent)
    assert db.row(STATUS, "unit-1")
    with pytest.raises(Exception, match="permission denied"):
        agent.execute("select * from pgjobs.agent_status")


def test_the_beats_of_an_agent_are_understood(
    db: Db, agent_queues: AgentQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an agent sends is what the database reads: it lives with what it holds, and then it has left."""
    monkeypatch.setattr(session, "BEAT_SECONDS", 0.05)
    go_on = threading.Event()

    def wait(_item: Item) -> None:
        assert go_on.wait(20)

    agent = agent_queues.start(wait, "unit-1", threads=1)

    def stored(*expected: object) -> bool:
        agent_queues.read()
        for one in agent_queues.beats:
            db.execute("select pgjobs.beat_agent(%s)", (json.dumps(one),))
        agent_queues.beats.clear()
        return expected in db.execute("select types, holds, alive, leaving from pgjobs.agent_status").fetchall()

    assert soon(lambda: stored(["Unit"], 0, True, False))
    agent_queues.send(1, 2)
    assert soon(lambda: stored(["Unit"], 2, True, False))
    go_on.set()
    agent_queues.answered(2)
    agent.stop()
    assert soon(lambda: stored(["Unit"], 0, False, True))
    assert 0 == db.value("select count(*) from pgjobs.reply_faults")


def test_the_command_line_shows_the_agents(database: str, db: Db) -> None:
    """`pgjobs agents` has a line for each agent, whoever looks; with --json all of it as JSON."""
    viewer = member_url(database, "pgjobs_viewer")
    assert "there is no agent\n" == run("agents", database_url=viewer).out
    assert [] == json.loads(run("agents", "--json", database_url=viewer).out)
    beat(db)
    beat(db, agent="b\u202e", types=["\x1b[31m"], host=None, leaving=True)
    db.execute("insert into pgjobs.agents (name, about) values ('c', 'cleans the catalogue')")
    beat(db, agent="d", types=[], holds=0)
    beat(db, agent="e", trouble="no gateway")
    db.execute("update pgjobs.agents set seen_at = now() - interval '1 hour' where name = 'd'")
    said = run("agents", database_url=viewer)
    assert (0, "") == (said.code, said.err)
    head, *lines = (line.split() for line in said.out.splitlines())
    assert ["name", "state", "holds", "types", "where", "seen", "about"] == head
    assert ["b\\u202e", "has", "left", "3", "\\x1b[31m", "?:4711"] == lines[0][:6]
    assert ["c", "never", "seen", "0", "-", "-", "-", "cleans", "the", "catalogue"] == lines[1]
    assert ["d", "silent", "0", "-", "app-7:4711"] == lines[2][:5]
    assert ["e", "in", "trouble", "3"] == lines[3][:4]
    assert lines[3][-2:] == ["no", "gateway"]
    assert ["unit-1", "alive", "3", "MiView,", "Unit", "app-7:4711"] == lines[4][:6]
    shown = json.loads(run("agents", "--json", database_url=viewer).out)
    assert ["b\u202e", "c", "d", "e", "unit-1"] == [one["name"] for one in shown]
    names = ["name", "about", "types", "host", "pid", "started_at", "seen_at", "holds", "alive", "leaving", "trouble"]
    assert names == list(shown[3])
    assert shown[1]["seen_at"] is None
